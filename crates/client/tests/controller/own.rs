//! What a certificate asks about itself: addresses (RU-6), 更新申請受付票, a new リファレンスID (P-06).

use tegata_client::controller::Event;
use tegata_client::ports::Answer;

use crate::own_server::CODE;
use crate::screen;
use crate::server::Fault;
use crate::world::World;

fn only(world: &World) -> tegata_domain::id::Fingerprint {
    world.certificates().first().unwrap().fingerprint()
}

#[test]
fn an_address_is_changed_by_the_number_that_came_there_and_typing_errors_are_put_right() {
    let world = World::with_certificate();
    let typed = [("new", ""), ("new@example.jp", "second@example.jp")];
    world.person.addresses.lock().unwrap().extend(typed);
    let numbers = ["87654321", CODE].map(str::to_owned);
    world.person.lines.lock().unwrap().extend(numbers);
    world.run(&[Event::ChangeAddress(only(&world))]);
    screen::compare("address", &world.person.take());
}

#[test]
fn a_window_that_is_closed_changes_no_address() {
    let world = World::with_certificate();
    world.run(&[Event::ChangeAddress(only(&world))]);
    let requests = world.server.requests.lock().unwrap().join("\n");
    assert_eq!(requests, "GET /api/client/v1/address by certificate");
}

#[test]
fn the_receipt_of_a_renewal_is_saved_and_a_first_certificate_has_none() {
    let world = World::with_certificate();
    world.run(&[Event::SaveReceipt(only(&world))]);
    let none = world.person.take_codes();
    assert_eq!(none, ["1018"]);
    world.run(&[Event::Renew(only(&world))]);
    world.person.take();
    world.run(&[Event::SaveReceipt(only(&world))]);
    screen::compare("receipt", &world.person.take());
    let saved = world.files.saved.lock().unwrap();
    assert!(saved.values().any(|octets| octets.starts_with(b"%PDF")));
}

#[test]
fn a_new_reference_id_is_shown_once_asked_for_with_one_id_and_kept_nowhere() {
    let world = World::with_certificate();
    let lost = tegata_client::ports::HttpError::Timeout(String::new());
    world.server.fail("reference-id", Fault::LostAnswer(lost));
    world.person.will_answer(2003, Answer::Retry);
    world.run(&[Event::NewReferenceId(only(&world))]);
    screen::compare("reference_id", &world.person.take());
    let received = world.server.received.lock().unwrap();
    let received = String::from_utf8_lossy(&received);
    let ids: Vec<&str> = received.split("\"procedure\":\"").skip(1).collect();
    let [first, second] = ids.as_slice() else {
        panic!("{ids:?}");
    };
    assert_eq!(first.get(..40), second.get(..40));
    let kept = world.files.all();
    assert!(!String::from_utf8_lossy(&kept).contains("NeWrEf2345"));
    world.person.will_answer(1019, Answer::No);
    world.run(&[Event::NewReferenceId(only(&world))]);
    assert_eq!(world.server.requests.lock().unwrap().len(), 3);
}
