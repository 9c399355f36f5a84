//! What the terminal says and asks by itself.

use tegata_client::controller::Event;
use tegata_client::settings::Unattended;

use crate::screen;
use crate::server::{Fault, Notice, Standing};
use crate::world::{END, World, at};

#[test]
fn outside_the_window_nothing_is_asked_and_nothing_is_said() {
    let world = World::with_certificate();
    for day in ["2024-01-01", "2026-06-01", "2026-12-13"] {
        world.clock.set(at(&format!("{day}T12:00:00+09:00")));
        let wake = world.run(&[
            Event::Started,
            Event::Timer,
            Event::LoggedOn,
            Event::NetworkChanged,
        ]);
        let wake = wake.0.unwrap();
        assert!(at("2026-12-14T00:00:00+09:00") <= wake, "{day}: {wake}");
    }
    assert!(world.server.requests.lock().unwrap().is_empty());
    assert!(world.person.take().is_empty());
}

#[test]
fn without_a_network_the_terminal_tells_each_day_of_the_manual_once() {
    let world = World::with_certificate();
    let end = at(END).japan_date();
    let mut told = Vec::new();
    for left in (-3..=95).rev() {
        let day = end.plus_days(-left);
        for hour in ["08", "10", "14"] {
            world.clock.set(at(&format!("{day}T{hour}:00:00+09:00")));
            let error = tegata_client::ports::HttpError::Timeout(String::new());
            world.server.fail("notices", Fault::Error(error));
            world.run(&[Event::LoggedOn]);
            world.server.faults.lock().unwrap().clear();
            let shown = world.person.take_codes().len();
            told.extend(std::iter::repeat_n((left, hour), shown));
        }
    }
    let days: Vec<i64> = told.iter().map(|(left, _)| *left).collect();
    assert_eq!(days, [90, 60, 30, 15, 7, 6, 5, 4, 3, 2, 1, 0, -1, -2, -3]);
    assert!(
        told.iter().all(|(_, hour)| *hour == "10"),
        "not before nine: {told:?}"
    );
}

#[test]
fn the_notifications_of_the_days_read_well() {
    let world = World::with_certificate();
    let mut shown = Vec::new();
    for day in [
        "2026-12-14",
        "2027-03-07",
        "2027-03-13",
        "2027-03-14",
        "2027-03-15",
    ] {
        world.clock.set(at(&format!("{day}T09:00:00+09:00")));
        world.run(&[Event::Timer, Event::WindowOpened]);
        shown.push(format!("== {day}\n{}", world.person.take()));
    }
    screen::compare("notices", &shown.join("\n"));
}

#[test]
fn in_the_window_the_server_is_asked_once_a_day_at_its_second_and_its_words_are_shown() {
    let world = World::with_certificate();
    *world.server.notices.lock().unwrap() = Some(Notice {
        status: "good",
        renewal: Some("collected"),
        message: Some((1001, "新しい電子証明書が使われていません")),
        next: Some("2027-02-27T10:11:12+09:00"),
    });
    world.clock.set(at("2027-02-12T08:59:00+09:00"));
    let wake = world.run(&[Event::Started]).0.unwrap();
    assert!(world.server.requests.lock().unwrap().is_empty());
    world.clock.set(at("2027-02-12T17:00:00+09:00"));
    world.run(&[Event::Timer, Event::Timer, Event::NetworkChanged]);
    // The second one is asked once: which リクエストID the certificate has.
    assert_eq!(
        *world.server.requests.lock().unwrap(),
        [
            "GET /api/client/v1/notices by certificate",
            "GET /api/client/v1/certificates by certificate"
        ]
    );
    assert!(at("2027-02-12T09:00:00+09:00") <= wake);
    let shown = world.person.take();
    assert!(
        shown.contains("新しい電子証明書が使われていません"),
        "{shown}"
    );
    world.clock.set(at("2027-02-27T10:11:11+09:00"));
    world.run(&[Event::Timer]);
    assert_eq!(world.server.requests.lock().unwrap().len(), 2);
    world.clock.advance(1);
    world.run(&[Event::Timer]);
    assert_eq!(world.server.requests.lock().unwrap().len(), 3);
}

#[test]
fn what_the_server_says_is_final_is_said_once() {
    let world = World::with_certificate();
    let old = world.certificates().first().unwrap().fingerprint();
    world.server.set(&old, Standing::Revoked);
    *world.server.notices.lock().unwrap() = Some(Notice {
        status: "revoked",
        renewal: None,
        message: Some((2304, "この電子証明書は、失効しています")),
        next: None,
    });
    world.clock.set(at("2027-02-12T17:00:00+09:00"));
    world.run(&[Event::Timer]);
    assert_eq!(world.person.take_codes(), ["2304"]);
    for day in 1..40 {
        world
            .clock
            .set(at("2027-02-12T12:00:00+09:00").plus_days(day));
        world.run(&[Event::Timer]);
    }
    assert_eq!(world.person.take_codes(), [""; 0]);
    assert_eq!(world.server.requests.lock().unwrap().len(), 2);
}

#[test]
fn a_person_who_asks_sees_the_request_id_of_a_certificate_at_any_time() {
    let world = World::with_certificate();
    let old = world.certificates().first().unwrap().fingerprint();
    world.clock.set(at("2025-06-01T12:00:00+09:00"));
    world.run(&[Event::WindowOpened, Event::Identify(old)]);
    assert!(world.person.take().contains("202312140000001"));
}

#[test]
fn a_clock_that_is_off_is_told_once_a_day() {
    let world = World::with_certificate();
    *world.server.clock_ahead.lock().unwrap() = 7_200;
    world.clock.set(at("2027-02-20T17:00:00+09:00"));
    world.run(&[Event::Timer, Event::Timer]);
    assert_eq!(
        world.person.take_codes(),
        ["2007", "1001"],
        "and the notice of day 30, on which it was off"
    );
}

fn unattended() -> World {
    let world = World::empty(|pack| {
        pack.unattended = Some(Unattended {
            from_days: 60,
            until_days: 30,
            first_hour: 12,
            last_hour: 13,
        });
    });
    world.add_certificate(END);
    world
}

#[test]
fn in_its_quiet_hour_a_certificate_renews_itself_and_waits_for_nobody() {
    let world = unattended();
    let old = world.certificates().first().unwrap().fingerprint();
    let mut renewed = None;
    let mut now = at("2027-01-01T00:00:00+09:00");
    // From one wake-up to the next, as the timer does.
    for _ in 0..200 {
        world.clock.set(now);
        let wake = world.run(&[Event::Timer]).0.unwrap();
        if world.certificates().len() == 2 {
            renewed = Some(now);
            break;
        }
        assert!(wake > now);
        now = wake;
    }
    let renewed = renewed.unwrap();
    assert_eq!(renewed.japan().hour, 12);
    let (_, month, day) = renewed.japan_date().ymd();
    assert!(day > 10, "{month}/{day}: not in the claims peak");
    let left = renewed.japan_date().days_until(at(END).japan_date());
    assert!((30..=60).contains(&left), "{left}");
    assert_eq!(world.working().len(), 2, "nothing was removed");
    let shown = world.person.take();
    assert!(
        shown.contains("バックアップファイルを7日以内に作成"),
        "{shown}"
    );
    world.run(&[Event::WindowOpened]);
    assert_eq!(world.person.take_codes(), ["1004", "1005", "1006", "1007"]);
    assert_eq!(world.server.live_successors(&old), world.working());
}

#[test]
fn a_quiet_hour_without_a_network_is_made_up_for_and_the_old_one_works_meanwhile() {
    let world = unattended();
    let old = world.certificates().first().unwrap().fingerprint();
    for day in 0..3 {
        world
            .clock
            .set(at("2027-02-20T12:59:59+09:00").plus_days(day));
        let error = tegata_client::ports::HttpError::Timeout(String::new());
        world.server.fail("cacerts", Fault::Error(error));
        world.run(&[Event::Timer]);
        world.server.faults.lock().unwrap().clear();
        assert_eq!(world.working(), [old]);
    }
    world.clock.set(at("2027-02-23T12:59:59+09:00"));
    world.run(&[Event::Timer]);
    assert_eq!(world.working().len(), 2);
}

#[test]
fn a_person_who_is_told_of_a_hold_is_not_told_of_an_end() {
    let world = World::with_certificate();
    let old = world.certificates().first().unwrap().fingerprint();
    world.server.set(&old, Standing::OnHold);
    *world.server.notices.lock().unwrap() = Some(Notice {
        status: "on_hold",
        renewal: None,
        message: Some((2303, "この電子証明書は、一時停止中です")),
        next: Some("2027-02-13T10:00:00+09:00"),
    });
    world.clock.set(at("2027-02-12T17:00:00+09:00"));
    world.run(&[Event::Timer]);
    assert_eq!(world.person.take_codes(), ["2303"]);
}
