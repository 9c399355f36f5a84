//! 証明書更新 (manual 3.1.2): the order, the words, what is left.

use tegata_client::api::StopKind;
use tegata_client::controller::{Event, StopChoice};
use tegata_client::ports::{Answer, CertificateStore as _, FileError, KeyPlace};
use tegata_client::settings::KeyPolicy;
use tegata_pki::pkcs12;
use tegata_protocol::Reason;

use crate::screen;
use crate::server::Fault;
use crate::world::{END, World, at};

fn old(world: &World) -> tegata_domain::id::Fingerprint {
    world.certificates().first().unwrap().fingerprint()
}

#[test]
fn a_renewal_goes_through_the_messages_of_the_manual_in_their_order() {
    let world = World::with_certificate();
    let old = old(&world);
    world.run(&[Event::Renew(old)]);
    screen::compare("renewal", &world.person.take());
    let requests = world.server.requests.lock().unwrap().join("\n");
    assert_eq!(
        requests,
        "GET /.well-known/est/cacerts\n\
         GET /.well-known/est/csrattrs\n\
         POST /.well-known/est/simplereenroll by certificate\n\
         POST /api/client/v1/in-use by certificate"
    );
    let left = world.certificates();
    assert_eq!(left.len(), 1);
    let new = left.first().unwrap();
    assert_eq!(world.server.live_successors(&old), [new.fingerprint()]);
    assert_eq!(world.working(), [new.fingerprint()]);
    assert_eq!(world.left_over(), [""; 0]);
}

#[test]
fn the_backup_opens_with_its_password_and_holds_the_new_key_and_its_chain() {
    let world = World::with_certificate();
    world.run(&[Event::Renew(old(&world))]);
    let saved = world.files.saved.lock().unwrap();
    let (place, octets) = saved.first_key_value().unwrap();
    assert_eq!(place.to_str().unwrap(), "ドキュメント/202702120000077.p12");
    let opened = pkcs12::open(octets, "1234").unwrap();
    let left = world.certificates();
    let new = &left.first().unwrap().certificate;
    assert_eq!(opened.key.public_key(), new.public_key());
    let chain: Vec<&[u8]> = opened.chain.iter().map(Vec::as_slice).collect();
    assert_eq!(chain, [new.der(), world.server.issuer.der()]);
    assert!(pkcs12::open(octets, "1235").is_err());
}

#[test]
fn no_private_key_and_no_password_reaches_the_server_or_lies_open_on_the_disk() {
    let world = World::with_certificate();
    // The window is closed at the backup: the key waits, sealed.
    world.person.passwords.lock().unwrap().push_back(None);
    world.person.will_answer(1009, Answer::No);
    world.run(&[Event::Renew(old(&world))]);
    world.run(&[Event::WindowOpened]);
    let saved = world.files.saved.lock().unwrap();
    let opened = pkcs12::open(saved.first_key_value().unwrap().1, "1234").unwrap();
    let pkcs8 = opened.key.to_pkcs8().unwrap();
    // The scalar of a P-256 key begins at octet 36 of the form that the provider writes.
    let scalar = pkcs8.get(36..68).unwrap();
    let holds = |octets: &[u8], what: &[u8]| octets.windows(what.len()).any(|one| one == what);
    assert!(holds(&pkcs8, scalar));
    assert!(!holds(&world.server.received.lock().unwrap(), scalar));
    assert!(!holds(&world.files.all(), scalar));
    assert!(!world.files.text("client.log").contains("1234"));
}

#[test]
fn a_key_in_the_module_has_no_backup_and_the_screen_says_so() {
    let mut world = World::empty(|pack| pack.key.policy = KeyPolicy::Tpm);
    world.store.has_module = true;
    let old = world.add_certificate(END);
    world.run(&[Event::Renew(old)]);
    screen::compare("renewal_tpm", &world.person.take());
    let left = world.certificates();
    assert_eq!(left.first().unwrap().place, KeyPlace::Hardware);
    assert!(world.files.saved.lock().unwrap().is_empty());
    assert_eq!(world.working().len(), 1);
}

#[test]
fn without_a_module_the_tpm_policy_makes_a_software_key_with_a_backup() {
    let world = World::empty(|pack| pack.key.policy = KeyPolicy::Tpm);
    let old = world.add_certificate(END);
    world.run(&[Event::Renew(old)]);
    assert_eq!(
        world.certificates().first().unwrap().place,
        KeyPlace::Software
    );
    assert_eq!(world.files.saved.lock().unwrap().len(), 1);
}

#[test]
fn no_at_1003_does_nothing_and_no_at_1006_keeps_both() {
    let world = World::with_certificate();
    let old = old(&world);
    world.person.will_answer(1003, Answer::No);
    world.run(&[Event::Renew(old)]);
    assert_eq!(world.person.take_codes(), ["1003"]);
    assert!(world.server.requests.lock().unwrap().is_empty());
    world.person.will_answer(1006, Answer::No);
    world.run(&[Event::Renew(old)]);
    assert_eq!(world.person.take_codes(), ["1003", "1004", "1005", "1006"]);
    assert_eq!(world.working().len(), 2);
    assert_eq!(world.left_over(), [""; 0]);
}

#[test]
fn before_the_window_nothing_is_sent_and_1002_names_the_day() {
    let world = World::with_certificate();
    world.clock.set(at("2026-12-13T23:59:59+09:00"));
    world.run(&[Event::Renew(old(&world))]);
    screen::compare("before_window", &world.person.take());
    assert!(world.server.requests.lock().unwrap().is_empty());
    world.clock.set(at("2026-12-14T00:00:00+09:00"));
    world.run(&[Event::Renew(old(&world))]);
    assert_eq!(world.person.take_codes().first().unwrap(), "1003");
}

#[test]
fn after_the_end_nothing_is_sent_and_the_person_learns_what_is_left() {
    let world = World::with_certificate();
    world.clock.set(at(END).plus_seconds(1));
    world.run(&[Event::Renew(old(&world))]);
    screen::compare("after_end", &world.person.take());
    assert!(world.server.requests.lock().unwrap().is_empty());
}

#[test]
fn a_wrong_password_is_asked_for_again_and_a_full_disk_leads_to_another_place() {
    let world = World::with_certificate();
    {
        let mut passwords = world.person.passwords.lock().unwrap();
        passwords.push_back(Some(("1234", "1243")));
        passwords.push_back(Some(("123", "123")));
        passwords.push_back(Some(("パスワード", "パスワード")));
        passwords.push_back(Some(("1234", "1234")));
        let mut places = world.person.places.lock().unwrap();
        places.push_back(Some("USB"));
        places.push_back(Some("ドキュメント"));
        let mut fails = world.files.save_fails.lock().unwrap();
        fails.push(FileError::Full("no room".to_owned()));
    }
    world.run(&[Event::Renew(old(&world))]);
    screen::compare("backup_trouble", &world.person.take());
    let saved = world.files.saved.lock().unwrap();
    assert_eq!(saved.len(), 1);
    assert_eq!(world.left_over(), [""; 0]);
}

#[test]
fn a_backup_can_wait_some_days_and_is_then_given_up_with_its_key() {
    let world = World::with_certificate();
    let old = old(&world);
    world.person.passwords.lock().unwrap().push_back(None);
    world.person.will_answer(1009, Answer::No);
    world.run(&[Event::Renew(old)]);
    assert_eq!(world.left_over().len(), 1);
    assert!(world.files.saved.lock().unwrap().is_empty());
    world.person.take();
    // The list says that it waits.
    world.clock.advance(86_400);
    let wake = world.run(&[Event::Started]);
    assert!(wake.0.is_some());
    // Seven days after the renewal the sealed key is erased; what to do about the old one stays open.
    world.clock.set(at("2027-02-19T12:00:00+09:00"));
    world.run(&[Event::Timer]);
    assert!(
        world
            .person
            .take()
            .contains("証明書のバックアップはありません")
    );
    assert!(
        !world
            .files
            .text(&world.left_over().concat())
            .contains("software")
    );
    world.run(&[Event::WindowOpened]);
    assert_eq!(world.person.take_codes(), ["1006", "1007"]);
    assert_eq!(world.working().len(), 1);
    assert_eq!(world.left_over(), [""; 0]);
}

#[test]
fn an_installed_key_cannot_be_backed_up_again() {
    let world = World::with_certificate();
    world.run(&[Event::BackUp(old(&world))]);
    screen::compare("no_backup", &world.person.take());
}

#[test]
fn windows_8_1_gets_the_old_form_first() {
    let mut world = World::with_certificate();
    world.store.is_old = true;
    world.run(&[Event::Renew(old(&world))]);
    let shown = world.person.take();
    let old_form = shown.find("古い形式").unwrap();
    assert!(old_form < shown.find("新しい形式").unwrap());
    let saved = world.files.saved.lock().unwrap();
    assert!(pkcs12::open(saved.first_key_value().unwrap().1, "1234").is_ok());
}

#[test]
fn of_three_that_look_alike_only_the_renewed_one_is_removed() {
    let world = World::with_certificate();
    let twin = world.add_certificate("2027-03-15T17:39:00+09:00");
    let other = world.add_certificate("2029-03-15T17:39:00+09:00");
    let old = old(&world);
    world.run(&[Event::Renew(old)]);
    let left: Vec<_> = world
        .certificates()
        .iter()
        .map(|one| one.fingerprint())
        .collect();
    assert_eq!(left.len(), 3);
    assert!(left.contains(&twin) && left.contains(&other) && !left.contains(&old));
}

#[test]
fn where_the_new_one_is_gone_the_old_one_is_never_removed() {
    let world = World::with_certificate();
    let old = old(&world);
    world.person.passwords.lock().unwrap().push_back(None);
    world.person.will_answer(1009, Answer::No);
    world.run(&[Event::Renew(old)]);
    let new = world.certificates().last().unwrap().fingerprint();
    assert_ne!(new, old);
    world.store.delete(&new).unwrap();
    world.person.take();
    world.run(&[Event::WindowOpened]);
    assert_eq!(world.person.take_codes(), ["1004", "1005", "2204"]);
    assert_eq!(world.working(), [old]);
}

#[test]
fn a_protected_key_is_explained_before_windows_asks() {
    let mut world = World::with_certificate();
    world.store.is_protected = true;
    world.run(&[Event::Renew(old(&world))]);
    let shown = world.person.take();
    let explained = shown.find("「Windows セキュリティ」の画面").unwrap();
    assert!(explained < shown.find("申請しています").unwrap());
}

#[test]
fn a_removal_names_the_certificate_and_warns_of_the_last_one() {
    let world = World::with_certificate();
    world.run(&[Event::Remove(old(&world))]);
    screen::compare("removal", &world.person.take());
    assert!(world.certificates().is_empty());
}

#[test]
fn a_stop_is_told_with_its_number_and_seen_in_the_list() {
    let world = World::with_certificate();
    let choice = StopChoice {
        kind: StopKind::Hold,
        reason: Reason::Lost,
        mail: None,
        successor: None,
    };
    world.run(&[Event::Stop(old(&world), choice)]);
    screen::compare("stop", &world.person.take());
    assert!(world.working().is_empty());
}

#[test]
fn a_certificate_that_is_revoked_while_it_is_renewed_ends_the_procedure() {
    let world = World::with_certificate();
    let old = old(&world);
    world
        .server
        .fail("simplereenroll", Fault::No(403, "revoked"));
    world.run(&[Event::Renew(old)]);
    screen::compare("revoked_while_renewing", &world.person.take());
    assert_eq!(world.left_over(), [""; 0]);
    assert_eq!(world.certificates().len(), 1);
}

#[test]
fn a_new_certificate_that_is_revoked_before_it_was_used_leaves_the_old_one_in_force() {
    let world = World::with_certificate();
    let old = old(&world);
    world.server.fail("in-use", Fault::No(403, "revoked"));
    world.run(&[Event::Renew(old)]);
    assert_eq!(world.person.take_codes(), ["1003", "2304"]);
    assert_eq!(world.left_over(), [""; 0]);
    assert!(world.working().contains(&old));
}
