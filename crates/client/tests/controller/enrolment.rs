//! はじめての取得 by the IDs of a letter.

use tegata_client::controller::Event;
use tegata_client::ports::HttpError;

use crate::screen;
use crate::server::{Fault, LETTER};
use crate::world::World;

fn types(world: &World, request: &'static str, reference: &'static str, code: &str) {
    let mut forms = world.person.forms.lock().unwrap();
    forms.push_back((request, reference, code.to_owned()));
}

fn code(world: &World) -> String {
    let key = world.server.tls_root.public_key();
    tegata_pki::connection_code::ConnectionCode::of(key).to_string()
}

#[test]
fn a_first_certificate_comes_by_the_ids_of_the_letter() {
    let world = World::empty(|_| {});
    types(&world, "202702010000042", "AbCdEfGh23", "");
    world.run(&[Event::WindowOpened, Event::Enrol]);
    screen::compare("enrolment", &world.person.take());
    assert_eq!(world.working().len(), 1);
    assert_eq!(world.left_over(), [""; 0]);
    let saved = world.files.saved.lock().unwrap();
    assert_eq!(saved.len(), 1);
    // The roots are there for browsers too.
    let roots = world.store.roots.lock().unwrap();
    assert_eq!(
        *roots,
        [world.server.tls_root.clone(), world.server.issuer.clone()]
    );
    // The secret of the letter lies nowhere any more.
    assert!(!world.files.text("client.log").contains(LETTER.1));
}

#[test]
fn full_width_ids_are_put_right_and_wrong_ones_are_asked_for_again() {
    let world = World::empty(|_| {});
    types(&world, "12345", "AbCdEfGh23", "");
    types(&world, "202702010000042", "AbCdEfGh24", "");
    types(&world, "202702010000042", "AbCdEfGh23", "");
    world.run(&[Event::Enrol]);
    screen::compare("wrong_ids", &world.person.take());
    assert_eq!(world.working().len(), 1);
    assert_eq!(world.left_over(), [""; 0]);
}

#[test]
fn without_a_packed_root_the_code_is_asked_for_and_nothing_is_sent_before_it_fits() {
    let world = World::empty(|pack| {
        pack.root = String::new();
        pack.issuers = String::new();
    });
    types(
        &world,
        "202702010000042",
        "AbCdEfGh23",
        "AAAA-BBBB-CCCC-DDDD",
    );
    types(&world, "202702010000042", "AbCdEfGh23", "AAAA-BBBB");
    world.run(&[Event::Enrol]);
    let requests = world.server.requests.lock().unwrap().clone();
    assert_eq!(
        requests,
        ["handshake"],
        "nothing but one handshake that was broken off"
    );
    screen::compare("wrong_code", &world.person.take());
    types(
        &world,
        "202702010000042",
        "AbCdEfGh23",
        &code(&world).to_lowercase(),
    );
    world.run(&[Event::Enrol]);
    assert_eq!(world.working().len(), 1);
    // It is kept: the next start asks for nothing.
    types(&world, "202702010000042", "AbCdEfGh23", "");
    world.person.take();
    world.run(&[Event::Enrol]);
    assert!(!world.person.take().contains("接続確認コード"));
}

#[test]
fn a_mailed_number_is_asked_for_where_the_operator_wants_one() {
    let world = World::empty(|_| {});
    *world.server.mail_code.lock().unwrap() = Some("12345678");
    types(&world, "202702010000042", "AbCdEfGh23", "");
    {
        let mut lines = world.person.lines.lock().unwrap();
        lines.push_back("87654321".to_owned());
        lines.push_back("1234 5678".to_owned());
    }
    world.run(&[Event::Enrol]);
    screen::compare("mail_code", &world.person.take());
    assert_eq!(world.working().len(), 1);
}

#[test]
fn what_the_signer_makes_later_comes_by_the_timer() {
    let world = World::empty(|_| {});
    types(&world, "202702010000042", "AbCdEfGh23", "");
    world.server.fail("simpleenroll", Fault::Later(300));
    let wake = world.run(&[Event::Enrol]);
    screen::compare("later", &world.person.take());
    assert!(wake.0.is_some());
    assert!(
        !world
            .files
            .all()
            .windows(10)
            .any(|one| one == LETTER.1.as_bytes())
    );
    world.clock.advance(300);
    world.run(&[Event::Timer]);
    assert_eq!(world.working().len(), 1);
}

#[test]
fn ids_whose_answer_was_lost_give_the_same_certificate_when_they_are_typed_again() {
    let world = World::empty(|_| {});
    types(&world, "202702010000042", "AbCdEfGh23", "");
    let lost = HttpError::Timeout("no answer".to_owned());
    world.server.fail("simpleenroll", Fault::LostAnswer(lost));
    world.run(&[Event::Enrol]);
    assert!(world.certificates().is_empty());
    // A slip in between does not cost the key for which the certificate was made.
    types(&world, "202702010000042", "AbCdEfGh99", "");
    types(&world, "202702010000042", "AbCdEfGh23", "");
    world.run(&[Event::Enrol]);
    assert_eq!(world.working().len(), 1);
    assert_eq!(world.server.issued.lock().unwrap().len(), 1);
}
