//! Which role opens which address of the console: `docs/reference/console-routes.md`, and each of its cells as a
//! real request (decision F8, threat T40).

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use axum::http::StatusCode;
use tegata_domain::operator::Role;
use tegata_web::{ConsoleRoute, console_routes};

use crate::clerk::Clerk;
use crate::house::House;
use crate::visitor::{Answer, form_request, get_request, send};

fn document() -> String {
    let mut text = String::from(
        "# Addresses of the console\n\n\
         Which role opens which address (decision F8): `x` opens it, everything else is refused and\n\
         recorded. What an act of two persons is about is judged again by the act itself. Made from\n\
         `crates/web/src/site/console/routes.rs`; `console_routes_doc.rs` asks for every cell.\n\n\
         | | address | right |",
    );
    for role in Role::ALL {
        text.push_str(&format!(" {role} |"));
    }
    text.push_str(" nobody |\n| --- | --- | --- |");
    text.push_str(&" :-: |".repeat(Role::ALL.len() + 1));
    for route in console_routes() {
        let (method, path) = (route.method, route.path);
        text.push_str(&format!(
            "\n| {method} | `{path}` | {} |",
            route.right.name()
        ));
        for role in Role::ALL {
            text.push_str(if route.right.is_of(role) {
                " x |"
            } else {
                " |"
            });
        }
        text.push_str(if route.right.is_open() { " x |" } else { " |" });
    }
    text.push('\n');
    text
}

#[test]
fn the_table_of_routes_is_fresh() {
    let file = PathBuf::from("../../docs/reference/console-routes.md");
    let text = document();
    if std::env::var_os("TEGATA_GEN").is_some_and(|value| value == "1") {
        fs::write(&file, &text).unwrap();
    }
    let found = fs::read_to_string(&file).unwrap_or_default();
    assert_eq!(
        found,
        text,
        "{} is stale; run: cargo xtask gen",
        file.display()
    );
}

#[test]
fn each_address_stands_once() {
    let routes = console_routes();
    let set: BTreeSet<_> = routes.iter().map(|r| (r.method, r.path)).collect();
    assert_eq!(set.len(), routes.len());
}

/// An address of nothing that exists: who may not open it is refused before that is seen.
fn address(route: &ConsoleRoute) -> String {
    route
        .path
        .replace("{id}", "000102030405060708090a0b0c0d0e0f")
        .replace("{request}", "202601190000001")
        .replace("{number}", "R26-0000001")
}

async fn ask(clerk: &Clerk<'_>, route: &ConsoleRoute) -> Answer {
    match route.method {
        "GET" => clerk.get(&address(route)).await,
        // Without its fields the form of an open address is unreadable, and nothing is done.
        _ => clerk.send(form_request(&address(route), "x=1")).await,
    }
}

#[tokio::test]
async fn f8_every_cell_of_the_table_holds() {
    let house = House::new().await;
    let mut clerks = Vec::new();
    for role in Role::ALL {
        let name = format!("only-{}", role.as_str().replace('_', "-"));
        clerks.push((role, Clerk::hire(&house, &name, &[role]).await));
    }
    let mut cells = 0;
    for route in console_routes() {
        for (role, clerk) in &clerks {
            let answer = ask(clerk, &route).await;
            let denied = answer.screen() == "CE-2" && answer.status == StatusCode::FORBIDDEN;
            let open = route.right.is_of(*role);
            assert_eq!(!denied, open, "{role} {} {}", route.method, route.path);
            assert_ne!(
                answer.status,
                StatusCode::METHOD_NOT_ALLOWED,
                "{}",
                route.path
            );
            assert_ne!(
                answer.status,
                StatusCode::INTERNAL_SERVER_ERROR,
                "{}",
                route.path
            );
            cells += 1;
        }
        let request = match route.method {
            "GET" => get_request(&address(&route)),
            _ => form_request(&address(&route), "x=1"),
        };
        let answer = send(&house.console, request, Some("localhost"), None).await;
        let stopped =
            answer.screen() == "CE-1" || answer.header("location").starts_with("/console/login");
        assert_eq!(
            !stopped,
            route.right.is_open(),
            "nobody {} {}",
            route.method,
            route.path
        );
        cells += 1;
    }
    assert_eq!(cells, console_routes().len() * (Role::ALL.len() + 1));
}

#[tokio::test]
async fn t40_a_refused_address_is_recorded() {
    let house = House::new().await;
    let clerk = Clerk::hire(&house, "tanaka", &[Role::HelpDesk]).await;
    let path = "/console/applications/000102030405060708090a0b0c0d0e0f/examine";
    // Two events of one second have no order.
    house.clock.advance(1);
    clerk.post(path, "seen=x").await;
    let filter = format!("operator:{}", clerk.operator.id);
    let filter = tegata_app::AuditFilter::Actor(&filter);
    let trail = house.app.audit_trail(filter, None, 1).await.unwrap();
    assert_eq!(trail[0].action, "refused");
    assert_eq!(trail[0].detail, format!("POST {path}"));
}
