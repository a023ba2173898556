//! A picture of oneself.

use jiff::SignedDuration;
use purser_testkit::{TestDb, both};

use crate::browser::Browser;
use crate::test_site::TestSite;

/// Two by two pixels.
const PNG: &[u8] =
    b"\x89\x50\x4e\x47\x0d\x0a\x1a\x0a\x00\x00\x00\x0d\x49\x48\x44\x52\x00\x00\x00\x02\x00\x00\x00\x02\x08\
    \x02\x00\x00\x00\xfd\xd4\x9a\x73\x00\x00\x00\x12\x49\x44\x41\x54\x78\x9c\x63\xf8\xcf\xc0\xc0\x00\xc2\
    \x0c\xff\x81\x00\x00\x1f\xee\x05\xfb\x0b\xd9\x68\x8b\x00\x00\x00\x00\x49\x45\x4e\x44\xae\x42\x60\x82";

const PHOTO: &str = "/accounts/photo/";

/// The sum behind a chunk of a PNG.
fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| if sum & 1 == 1 { sum >> 1 ^ 0xedb8_8320 } else { sum >> 1 })
    })
}

both! {
    async fn what_pictures_may_cost_is_bounded_for_each_person(db: TestDb) {
        let place = TestSite::open(&db).await;
        place.person("asha", "person", "").await;
        place.person("ravi", "person", "").await;
        let (asha, ravi) = (place.signed_in("asha").await, place.signed_in("ravi").await);
        // Its header says 6,000 times 5,000 pixels; nothing behind it is looked at.
        let mut large = PNG.to_vec();
        large[16..24].copy_from_slice(&[0, 0, 0x17, 0x70, 0, 0, 0x13, 0x88]);
        let sum = crc(&large[12..29]).to_be_bytes();
        large[29..33].copy_from_slice(&sum);
        let refused = asha.upload(PHOTO, "photo", "me.png", &large).await;
        assert!(refused.status == 400 && refused.text.contains("6000 × 5000 pixels"), "{}", refused.text);
        let mut sent = Vec::new();
        for _ in 0..10 {
            sent.push(asha.upload(PHOTO, "photo", "me.png", PNG).await.status);
        }
        assert_eq!(sent, [303, 303, 303, 303, 303, 303, 303, 303, 303, 429], "ten an hour");
        assert_eq!(ravi.upload(PHOTO, "photo", "me.png", PNG).await.status, 303, "others are not held up");
        assert_eq!(asha.get(&format!("{PHOTO}picture/")).await.status, 200, "the last one stays");
        db.clock().advance(SignedDuration::from_hours(1));
        assert_eq!(asha.upload(PHOTO, "photo", "me.png", PNG).await.status, 303);
    }

    async fn a_picture_is_its_owner_s_alone_and_what_is_none_is_refused(db: TestDb) {
        let place = TestSite::open(&db).await;
        place.person("asha", "person", "").await;
        place.person("ravi", "superuser", "").await;
        let (mut asha, ravi) = (place.signed_in("asha").await, place.signed_in("ravi").await);
        let picture = format!("{PHOTO}picture/");
        assert_eq!(asha.get(&picture).await.status, 404);
        let html = b"<!doctype html><script>alert(1)</script>";
        for (bytes, told) in [(html.as_slice(), "PNG, JPEG or WebP"), (&PNG[..30], "picture"), (b"", "empty")] {
            let page = asha.upload(PHOTO, "photo", "me.png", bytes).await;
            assert!(page.status == 400 && page.text.contains(told), "{told}: {} {}", page.status, page.text);
        }
        assert_eq!(asha.get(&picture).await.status, 404, "nothing was kept");
        for _ in 0..2 {
            assert_eq!(asha.upload(PHOTO, "photo", "me.html", PNG).await.status, 303);
        }
        assert!(asha.page(PHOTO).await.contains("class=\"portrait\""));
        assert_eq!(asha.get(&picture).await.status, 200);
        assert_eq!(ravi.get(&picture).await.status, 404, "everybody sees their own");
        assert_eq!(Browser::at(&place.base).get(&picture).await.status, 303);
        let sql = "SELECT COUNT(*) FROM files_file";
        let kept: Result<i64, purser_store::Error> = db.read(move |tx| tx.query_one(sql, &[], |row| row.get(0))).await;
        assert_eq!(kept, Ok(1), "the one before is gone");
        assert_eq!(asha.post(&format!("{PHOTO}remove/"), &[]).await.status, 303);
        assert_eq!(asha.get(&picture).await.status, 404);
    }
}
