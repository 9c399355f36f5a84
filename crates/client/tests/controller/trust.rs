//! Trust first (W6).

use tegata_client::controller::Event;

use crate::server::FakeServer;
use crate::world::World;

#[test]
fn another_server_with_another_root_gets_nothing() {
    let mut world = World::with_certificate();
    let old = world.certificates().first().unwrap().fingerprint();
    // The same certificates of terminals, another TLS root.
    let other = FakeServer::new();
    world.server.tls_root = other.tls_root;
    world.run(&[Event::Renew(old)]);
    assert_eq!(world.person.take_codes(), ["1003", "2005"]);
    assert!(world.server.received.lock().unwrap().is_empty());
    assert_eq!(world.left_over(), [""; 0]);
    assert!(world.store.roots.lock().unwrap().is_empty());
}

#[test]
fn a_terminal_of_an_older_client_proves_its_server_once_and_finds_its_certificate() {
    let world = World::empty(|pack| {
        pack.root = String::new();
        pack.issuers = String::new();
    });
    let old = world.add_certificate(crate::world::END);
    world.run(&[Event::Started, Event::WindowOpened]);
    assert!(world.person.take().contains("「接続の確認」"));
    assert!(world.server.requests.lock().unwrap().is_empty());
    let code = tegata_pki::connection_code::ConnectionCode::of(world.server.tls_root.public_key());
    world
        .person
        .lines
        .lock()
        .unwrap()
        .push_back(code.to_string());
    world.run(&[Event::Prove, Event::Renew(old)]);
    assert_eq!(world.working().len(), 1);
    assert_ne!(world.working(), [old]);
}

#[test]
fn a_chain_whose_last_certificate_is_no_root_is_refused_whatever_its_code() {
    let world = World::empty(|pack| pack.root = String::new());
    let (leaf, _) = world.server.give(crate::world::at(crate::world::END), "1");
    let code = tegata_pki::connection_code::ConnectionCode::of(leaf.public_key());
    *world.server.shown.lock().unwrap() = vec![leaf.der().to_vec()];
    world
        .person
        .lines
        .lock()
        .unwrap()
        .push_back(code.to_string());
    world.run(&[Event::Prove]);
    assert!(world.person.take().contains("一致しません"));
    assert_eq!(*world.server.requests.lock().unwrap(), ["handshake"]);
}
