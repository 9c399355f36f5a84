//! MPKIクライアントのダウンロード.

use axum::http::StatusCode;
use tegata_domain::id::Fingerprint;
use tegata_domain::time::{CalendarDate, Timestamp};
use tegata_protocol::release::{Architecture, Release, ReleaseFile, Scope, Version};
use tegata_web::Published;

use crate::house::House;
use crate::pages_doc::Pages;
use crate::visitor::{Visitor, get_request, send};

const WINDOWS_64: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36";

fn file(architecture: Architecture, scope: Scope, name: &str) -> ReleaseFile {
    ReleaseFile {
        architecture,
        scope,
        name: name.to_owned(),
        size: 1_069_548,
        sha256: Fingerprint([0x5a; 32]),
        signer: Some("Sample Operator".to_owned()),
    }
}

fn release() -> Published {
    let files = vec![
        file(
            Architecture::X64,
            Scope::User,
            "TegataMPKIClient-1.2.3-x64.msi",
        ),
        file(
            Architecture::X64,
            Scope::Machine,
            "TegataMPKIClient-1.2.3-x64-machine.msi",
        ),
        file(
            Architecture::X86,
            Scope::User,
            "TegataMPKIClient-1.2.3-x86.msi",
        ),
    ];
    Published {
        files: files
            .iter()
            .map(|file| file.name.clone().into_bytes().into())
            .collect(),
        release: Release {
            format: 1,
            version: Version {
                major: 1,
                minor: 2,
                patch: 3,
            },
            released: CalendarDate::from_ymd(2027, 1, 15).unwrap(),
            expires_at: Timestamp::parse_rfc3339("2027-02-14T00:00:00Z").unwrap(),
            changes: vec!["お知らせの文章を<改めました>。".to_owned()],
            files,
        },
        manifest: (&br#"{"payload":""}"#[..]).into(),
    }
}

#[tokio::test]
async fn the_client_is_offered_like_this() {
    let house = House::new().await;
    let mut pages = Pages::default();
    let mut visitor = Visitor::new(&house);
    pages.take("cl-1-none", &visitor.get("/p/c").await);
    house.releases.publish(Some(release()));
    let mut request = get_request("/p/c");
    let agent = WINDOWS_64.parse().unwrap();
    request.headers_mut().insert("user-agent", agent);
    let page = send(&house.public, request, Some("localhost"), None).await;
    assert!(page.html().contains("&#60;改めました&#62;"));
    assert_eq!(page.header("accept-ch"), "Sec-CH-UA-Bitness");
    pages.take("cl-1", &page);
    pages.compare();
    house.releases.publish(None);
    assert!(
        visitor
            .get("/p/c")
            .await
            .text()
            .contains("まだ公開されていません")
    );
}

#[tokio::test]
async fn a_package_is_saved_and_never_shown() {
    let house = House::new().await;
    house.releases.publish(Some(release()));
    for router in [&house.public, &house.subscriber] {
        let path = "/p/c/file/TegataMPKIClient-1.2.3-x86.msi";
        let answer = send(router, get_request(path), Some("localhost"), None).await;
        assert_eq!(answer.body, b"TegataMPKIClient-1.2.3-x86.msi");
        assert_eq!(answer.header("content-type"), "application/x-msi");
        assert_eq!(
            answer.header("content-disposition"),
            "attachment; filename=\"TegataMPKIClient-1.2.3-x86.msi\""
        );
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        let answer = send(
            router,
            get_request("/p/c/manifest.json"),
            Some("localhost"),
            None,
        )
        .await;
        assert_eq!(answer.header("content-type"), "application/json");
        for path in ["/p/c/file/other.msi", "/p/c/file/..%2fkek", "/p/c/file/"] {
            let answer = send(router, get_request(path), Some("localhost"), None).await;
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        }
    }
}

#[tokio::test]
async fn older_addresses_lead_to_the_page() {
    let house = House::new().await;
    let mut visitor = Visitor::new(&house);
    for path in ["/p/c/", "/p/s"] {
        assert_eq!(visitor.get(path).await.header("location"), "/p/c");
    }
    let answer = send(
        &house.subscriber,
        get_request("/p/c"),
        Some("localhost"),
        None,
    )
    .await;
    assert_eq!(answer.header("location"), "https://localhost:8440/p/c");
}
