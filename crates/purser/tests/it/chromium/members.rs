//! The mutual-aid pool: a file of members, and what happens to their wallets.

use purser_testkit::{TestDb, both};

use super::tab::Tab;
use super::walks::sign_in;
use crate::browser::{PASSWORD, person};
use crate::program::Installation;

const MEMBERS: &str = "/admin/members/members/";

const FILE: &str = "name,email,wallet_balance\nAsha,asha@example.com,500\nBina,bina@example.com,500\n\
                    Chetan,chetan@example.com,500\nDevika,devika@example.com,NaN\nEsha,no mail,500\n";

/// Chooses members of the list and does something to them.
async fn act(tab: &Tab, names: &[&str], action: &str) {
    tab.go(MEMBERS).await;
    for name in names {
        tab.tick(&format!("Choose {name}")).await;
    }
    tab.choose("What to do", action).await;
    tab.press("Go on").await;
}

both! {
    async fn members_are_uploaded_mended_expired_and_one_is_reverted(db: TestDb) {
        let installation = Installation::new(&db).with("PURSER_IDENTITY_SECOND_FACTOR", "false");
        person(&installation, "ravi", &["--superuser"]);
        let serving = installation.serve("");
        let tab = Tab::open(&serving.url("")).await;
        sign_in(&tab, "ravi", PASSWORD).await;
        tab.follow("Console").await;
        tab.follow("Members").await;
        tab.follow("Bulk upload").await;
        tab.sees("CSV file").await;
        tab.is_without_fault().await;
        let path = installation.data().join("members.csv");
        std::fs::write(&path, FILE).unwrap();
        tab.attach("CSV file", &path).await;
        tab.press("Check the file").await;
        tab.sees("2 rows").await;
        tab.sees("wallet_balance must be a plain decimal number").await;
        tab.is_without_fault().await;
        let report = tab.download("Download the rows with their errors").await;
        assert!(report.contains("Devika,devika@example.com,NaN,") && report.contains("'NaN'"), "{report}");

        // Its last column tells what is wrong; who has mended the others may leave it as it is.
        std::fs::write(&path, report.replace(",NaN,", ",500,").replace("no mail", "esha@example.com")).unwrap();
        tab.follow("Upload a mended file").await;
        tab.attach("CSV file", &path).await;
        tab.press("Check the file").await;
        tab.sees("Every row is good: 5 new members will be registered").await;
        tab.is_without_fault().await;
        tab.press("Save all 5 rows").await;
        tab.sees("5 members registered").await;
        tab.is_without_fault().await;

        act(&tab, &["Asha", "Bina", "Chetan"], "Mark selected as expired").await;
        tab.sees("₹1.00 from 4 members").await;
        tab.is_without_fault().await;
        tab.press("Mark selected as expired").await;
        tab.sees("3 members marked as expired. ₹9.00 went into the pool").await;
        tab.is_without_fault().await;
        act(&tab, &["Asha"], "Revert selected from expired").await;
        tab.sees("Asha will live again, and 4 members will get ₹1.00 back.").await;
        tab.press("Revert selected from expired").await;
        tab.sees("₹4.00 went back").await;

        // Devika paid for three, and has one of them back; Bina paid for Asha before she was expired herself.
        for (name, wallet) in [("Devika", "₹498.00"), ("Bina", "₹500.00"), ("Asha", "₹500.00")] {
            tab.go(MEMBERS).await;
            tab.follow(name).await;
            tab.sees("The whole statement").await;
            let page = tab.text().await;
            assert!(page.contains(wallet), "{name}: {page}");
            if name == "Devika" {
                for line in ["Levy for Asha", "Levy for Bina", "Levy for Chetan", "Levy for Asha given back", "₹497.00"] {
                    assert!(page.contains(line), "{line}: {page}");
                }
                tab.is_without_fault().await;
            }
        }
        tab.go("/admin/ledger/accounts/?under=members").await;
        tab.sees("₹5.00").await;
    }
}
