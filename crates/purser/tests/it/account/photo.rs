//! A picture of oneself.

use purser_testkit::{TestDb, both};

use crate::browser::Browser;
use crate::place::Place;

/// Two by two pixels.
const PNG: &[u8] =
    b"\x89\x50\x4e\x47\x0d\x0a\x1a\x0a\x00\x00\x00\x0d\x49\x48\x44\x52\x00\x00\x00\x02\x00\x00\x00\x02\x08\
    \x02\x00\x00\x00\xfd\xd4\x9a\x73\x00\x00\x00\x12\x49\x44\x41\x54\x78\x9c\x63\xf8\xcf\xc0\xc0\x00\xc2\
    \x0c\xff\x81\x00\x00\x1f\xee\x05\xfb\x0b\xd9\x68\x8b\x00\x00\x00\x00\x49\x45\x4e\x44\xae\x42\x60\x82";

const PHOTO: &str = "/accounts/photo/";

both! {
    async fn a_picture_is_its_owner_s_alone_and_what_is_none_is_refused(db: TestDb) {
        let place = Place::open(&db).await;
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
