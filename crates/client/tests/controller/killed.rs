//! Ended at every point (T73): after the next start there is one working certificate that is newest, nothing was
//! removed that nobody agreed to, and the server has one live successor.

use tegata_client::controller::Event;
use tegata_client::ports::Answer;
use tegata_client::settings::KeyPolicy;

use crate::server::LETTER;
use crate::world::{END, World};

fn renew_killed_at(point: i64, policy: KeyPolicy) -> Option<String> {
    let mut world = World::empty(|pack| pack.key.policy = policy);
    world.store.has_module = true;
    let old = world.add_certificate(END);
    let was_killed = world.run_until(point, &[Event::Renew(old)]);
    let name = world.last_point();
    let had_1006 = name.contains("message 1006") || !world.points().contains("before message 1006");
    // Whatever happened, something works at once.
    assert!(!world.working().is_empty(), "{point} {name}");
    // The next start does what needs nobody; then the person opens the window.
    world.run(&[Event::Started]);
    if had_1006 && was_killed {
        let there: Vec<_> = world
            .certificates()
            .iter()
            .map(|one| one.fingerprint())
            .collect();
        assert!(
            there.contains(&old),
            "{point} {name}: the old one went and nobody agreed"
        );
    }
    world.run(&[Event::WindowOpened]);
    if world
        .certificates()
        .iter()
        .any(|one| one.fingerprint() == old)
    {
        // Ended before anything was kept, or the question after it was not asked: it is done now.
        world.run(&[Event::Renew(old)]);
    }
    let working = world.working();
    assert_eq!(working.len(), 1, "{point} {name}");
    assert_eq!(
        world.server.live_successors(&old),
        working,
        "{point} {name}"
    );
    // Not even one that was replaced: the key that was kept is the only one that was ever sent.
    assert_eq!(world.server.successors_ever(&old), 1, "{point} {name}");
    assert_eq!(world.certificates().len(), 1, "{point} {name}");
    assert_eq!(world.left_over(), [""; 0], "{point} {name}");
    was_killed.then_some(name)
}

#[test]
fn a_renewal_ended_at_any_point_leaves_exactly_one_working_certificate() {
    for policy in [KeyPolicy::Software, KeyPolicy::Tpm] {
        let mut names = Vec::new();
        while let Some(name) = renew_killed_at(i64::try_from(names.len()).unwrap() + 1, policy) {
            names.push(name);
        }
        for step in [
            "after write pending",
            "before send simplereenroll",
            "after send simplereenroll",
            "after install",
            "after send in_use".replace('_', "-").as_str(),
            "after message 1004",
            "before delete certificate",
            "after delete certificate",
            "before remove file",
        ] {
            assert!(
                names.iter().any(|name| name == step),
                "{step} was no point: {names:?}"
            );
        }
        assert!(names.len() > 30, "{}", names.len());
    }
}

#[test]
fn an_enrolment_ended_at_any_point_ends_with_the_letters_one_certificate() {
    let mut point = 0;
    loop {
        point += 1;
        let world = World::empty(|pack| pack.root = String::new());
        let code = code(&world);
        let form = || (LETTER.0, LETTER.1, code.clone());
        world.person.forms.lock().unwrap().push_back(form());
        let was_killed = world.run_until(point, &[Event::Enrol]);
        let name = world.last_point();
        world.run(&[Event::Started, Event::WindowOpened]);
        if world.certificates().is_empty() {
            // Ended before the IDs were kept: the person types them again.
            world.person.forms.lock().unwrap().clear();
            world.person.forms.lock().unwrap().push_back(form());
            world.run(&[Event::Enrol]);
        }
        assert_eq!(world.working().len(), 1, "{point} {name}");
        assert_eq!(world.certificates().len(), 1, "{point} {name}");
        assert_eq!(
            world.server.issued.lock().unwrap().len(),
            1,
            "{point} {name}"
        );
        assert_eq!(world.left_over(), [""; 0], "{point} {name}");
        if !was_killed {
            break;
        }
    }
    assert!(point > 25, "{point}");
}

#[test]
fn ended_again_and_again_a_renewal_still_comes_to_its_end() {
    // Fewer points than from the question 1003 to the kept key would begin anew for ever.
    for points in [12, 13, 17, 23, 29, 31, 40] {
        let world = World::with_certificate();
        let old = world.certificates().first().unwrap().fingerprint();
        let mut starts = 0;
        // Each start gets so many points further than what it finds done.
        while world.run_until(
            points,
            &[Event::Started, Event::WindowOpened, Event::Renew(old)],
        ) {
            starts += 1;
            assert!(!world.working().is_empty());
            assert!(
                starts < 400,
                "{points} points do not suffice: {:?}",
                world.last_points()
            );
        }
        assert_eq!(world.working(), world.server.live_successors(&old));
        assert_eq!(world.working().len(), 1, "{points}");
        assert_eq!(world.left_over(), [""; 0]);
    }
}

#[test]
fn a_renewal_whose_answer_was_lost_is_fetched_by_the_same_key() {
    use crate::server::Fault;
    use tegata_client::ports::HttpError;
    let world = World::with_certificate();
    let old = world.certificates().first().unwrap().fingerprint();
    let lost = HttpError::Timeout("no answer".to_owned());
    world.server.fail("simplereenroll", Fault::LostAnswer(lost));
    world.person.will_answer(2003, Answer::Cancel);
    world.run(&[Event::Renew(old)]);
    assert_eq!(world.person.take_codes(), ["1003", "2003"]);
    assert_eq!(world.server.issued.lock().unwrap().len(), 2);
    // The timer gets it; the person is told, and finishes later.
    world.run(&[Event::Timer]);
    assert_eq!(world.person.take_codes(), ["1004"]);
    assert_eq!(world.server.issued.lock().unwrap().len(), 2);
    assert_eq!(world.working().len(), 2);
    world.run(&[Event::WindowOpened]);
    assert_eq!(world.person.take_codes(), ["1004", "1005", "1006", "1007"]);
    assert_eq!(world.working().len(), 1);
}

#[test]
fn a_renewal_that_ended_before_its_answer_came_is_fetched_by_the_ids_of_its_receipt() {
    use crate::server::Fault;
    use crate::world::at;
    use tegata_client::ports::HttpError;
    let world = World::with_certificate();
    let old = world.certificates().first().unwrap().fingerprint();
    let lost = HttpError::Timeout("no answer".to_owned());
    world.server.fail("simplereenroll", Fault::LostAnswer(lost));
    world.run(&[Event::Renew(old)]);
    world.clock.set(at(END).plus_days(3));
    world.run(&[Event::Started]);
    assert!(world.working().is_empty());
    let ids = ("202702120000077", "ReceiptSecret23", String::new());
    world.person.forms.lock().unwrap().push_back(ids);
    world.run(&[Event::Enrol]);
    assert_eq!(world.working().len(), 1);
    assert_eq!(world.server.issued.lock().unwrap().len(), 2);
}

fn code(world: &World) -> String {
    let key = world.server.tls_root.public_key();
    tegata_pki::connection_code::ConnectionCode::of(key).to_string()
}
