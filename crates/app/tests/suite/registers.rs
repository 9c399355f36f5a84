//! The register of institutions from a file, and what its changes do to open cases (decisions I5, F2).

use tegata_app::{ActRefusal, Refusal, RegisterImport, RegisterPlan};
use tegata_domain::application::ApplicationState;
use tegata_domain::audit::Actor;
use tegata_domain::institution::Prefecture;
use tegata_domain::register::RegisterField;

use crate::world::{NOW, PASSWORD, World, application, password, refusal, worlds};

const HEAD: &str = "code,name,kana,postal_code,address,class,telephone\n";
/// The institution of every world, as it is.
const OWN: &str =
    "0110119153,みほん医院,ミホンイイン,060-0000,札幌市見本区1-1,medical,000-000-0000\n";
const DENTAL: &str = "1330123454,見本歯科,ミホンシカ,100-0001,東京都見本区2,dental,00-0000-0002\n";

async fn plan(world: &World, lines: &str) -> RegisterPlan {
    let file = format!("{HEAD}{lines}");
    world
        .app
        .plan_register_import(file.as_bytes())
        .await
        .unwrap()
}

async fn import(world: &World, lines: &str, close_missing: bool) -> RegisterImport {
    let plan = plan(world, lines).await;
    let by = Actor::Operator(world.people.intake.id.clone());
    let now = world.now();
    let done = world.app.import_register(&plan, close_missing, by, now);
    done.await.unwrap()
}

#[tokio::test]
async fn a_file_is_compared_before_anything_is_written() {
    for world in worlds().await {
        let renamed = OWN.replace("みほん医院", "新みほん医院");
        let plan = plan(&world, &format!("{renamed}{DENTAL}")).await;
        assert_eq!(plan.added.len(), 1);
        assert_eq!(plan.changed[0].changes[0].field, RegisterField::Name);
        assert_eq!(plan.changed[0].changes[0].old, "みほん医院");
        assert_eq!((plan.unchanged, plan.missing.len()), (0, 0));
        assert_eq!(world.db.count("institution").await, 1);
        assert_eq!(world.audited("institution.import").await, 0);
    }
}

#[tokio::test]
async fn an_import_writes_what_differs_with_an_event_for_each_and_nothing_twice() {
    for world in worlds().await {
        let lines = format!("{}{DENTAL}", OWN.replace("みほん医院", "新みほん医院"));
        let done = import(&world, &lines, false).await;
        let wanted = RegisterImport {
            added: 1,
            changed: 1,
            closed: 0,
        };
        assert_eq!(done, wanted);
        let again = import(&world, &lines, true).await;
        assert_eq!(again, RegisterImport::default());
        assert_eq!(world.db.count("institution").await, 2);
        for (action, times) in [
            ("institution.import", 2),
            ("institution.change", 1),
            ("institution.add", 2),
        ] {
            assert_eq!(world.audited(action).await, times, "{action}");
        }
        let found = world.app.find("新みほん", None).await.unwrap();
        assert!(!found.hits.is_empty());
        let found = world.app.find("みほんしか", None).await.unwrap();
        assert_eq!(found.hits.len(), 1, "found by its kana");
    }
}

#[tokio::test]
async fn who_is_missing_is_closed_only_when_asked_and_only_where_the_file_speaks() {
    for world in worlds().await {
        import(&world, &format!("{OWN}{DENTAL}"), false).await;
        let other = "0110113719,別の医院,ベツ,060-0000,札幌市2,medical,000-000-0001\n";
        let plan = plan(&world, other).await;
        let missing: Vec<_> = plan.missing.iter().map(|one| one.code.as_str()).collect();
        assert_eq!(missing, ["0110119153"], "no dentist of Tokyo is missing");
        assert_eq!(
            plan.missing[0].prefecture,
            Prefecture::from_number(1).unwrap()
        );
        assert_eq!(import(&world, other, false).await.closed, 0);
        assert_eq!(import(&world, other, true).await.closed, 1);
        assert_eq!(world.audited("institution.close").await, 1);
        let entered = world
            .app
            .enter_application(application(), &world.people.intake, NOW)
            .await;
        assert!(matches!(refusal(entered), Refusal::State(_)));
    }
}

#[tokio::test]
async fn bad_lines_are_told_with_their_numbers_and_close_nothing() {
    for world in worlds().await {
        let lines = format!(
            "{OWN}{OWN}\
            0110113719,髙﨑𠮷医院,ﾐﾎﾝ,0600000,北海道1-1-𠮷,医科,0110000001\n\
            1330123454,外字\u{e000}歯科,x,100-0001,東京都2,dental,00-0000-0002\n\
            1340123452,葛\u{e0100}薬局,x,100-0001,東京都2,pharmacy,00-0000-0002\n\
            1619931494,<b>病院</b>,x,100-0001,富山県2,medical,00-0000-0002\n\
            1310123458,\"改\r\nBcc: x\",x,100-0001,東京都2,medical,00-0000-0002\n\
            110113719,ゼロなし,x,100-0001,東京都2,medical,00-0000-0002\n"
        );
        let plan = plan(&world, &lines).await;
        let bad: Vec<u64> = plan.bad.iter().map(|bad| bad.line).collect();
        assert_eq!(bad, [3, 5, 6, 8, 10]);
        assert!(plan.bad[0].problems[0].contains("line 2"));
        assert!(plan.bad[1].problems[0].contains("U+E000"));
        assert!(plan.bad[2].problems[0].contains("U+E0100"));
        let added: Vec<_> = plan.added.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(added, ["髙﨑𠮷医院", "<b>病院</b>"]);
        let closing = world
            .app
            .import_register(&plan, true, Actor::System, NOW)
            .await;
        assert!(matches!(refusal(closing), Refusal::State(_)));
        assert_eq!(world.db.count("institution").await, 1);
    }
}

#[tokio::test]
async fn only_who_enters_applications_imports() {
    for world in worlds().await {
        let plan = plan(&world, DENTAL).await;
        let by = Actor::Operator(world.people.approver.id.clone());
        let done = world.app.import_register(&plan, false, by, NOW).await;
        assert_eq!(refusal(done), Refusal::NotAllowed);
        assert_eq!(world.db.count("institution").await, 1);
    }
}

#[tokio::test]
async fn a_case_is_examined_again_when_the_register_changed_after_its_examination() {
    for world in worlds().await {
        let (app, people) = (&world.app, &world.people);
        let entered = world.entered().await;
        let examine = async || {
            let now = world.now();
            app.examine_application(&entered.id, &people.examiner, now)
                .await
        };
        let approve = async || {
            let now = world.now();
            app.approve_application(&entered.id, &people.approver, now)
                .await
        };
        examine().await.unwrap();
        world.advance(60);
        import(&world, &OWN.replace("札幌市", "小樽市"), false).await;
        world.advance(60);
        let refused = refusal(approve().await);
        assert_eq!(refused, Refusal::Act(ActRefusal::RegisterChanged));
        assert_eq!(world.audited("application.examine_again").await, 1);
        assert_eq!(world.db.count("issue_grant").await, 0);
        let examined = examine().await.unwrap();
        assert!(matches!(examined.state, ApplicationState::Examined { .. }));
        approve().await.unwrap();
        assert_eq!(world.db.count("issue_grant").await, 1);
    }
}

/// T41: who left has not examined it for those who are there.
#[tokio::test]
async fn a_case_is_examined_again_when_its_examiner_left() {
    for world in worlds().await {
        let (app, people) = (&world.app, &world.people);
        let entered = world.entered().await;
        app.examine_application(&entered.id, &people.examiner, world.now())
            .await
            .unwrap();
        let gone = &people.examiner.id;
        let close = format!("update operator set disabled_at = 1 where id = '{gone}'");
        world.db.run(&close).await;
        let refused = app
            .approve_application(&entered.id, &people.approver, world.now())
            .await;
        assert_eq!(refusal(refused), Refusal::Act(ActRefusal::ExaminerLeft));
        assert_eq!(world.audited("application.examine_again").await, 1);
        assert_eq!(world.db.count("issue_grant").await, 0);
        let state = app.application(&entered.id).await.unwrap().state;
        assert_eq!(state, ApplicationState::Submitted);
    }
}

#[tokio::test]
async fn nothing_is_approved_or_collected_for_a_closed_institution() {
    for world in worlds().await {
        let posted = world.posted().await;
        let entered = world.entered().await;
        let people = &world.people;
        world
            .app
            .examine_application(&entered.id, &people.examiner, world.now())
            .await
            .unwrap();
        let other = "0110113719,別の医院,ベツ,060-0000,札幌市2,medical,000-000-0001\n";
        assert_eq!(import(&world, other, true).await.closed, 1);
        let approved = world
            .app
            .approve_application(&entered.id, &people.approver, world.now())
            .await;
        let closed = Refusal::Act(ActRefusal::InstitutionClosed);
        assert_eq!(refusal(approved), closed);
        let opened = world.open(&posted).await;
        let version = world.version(&opened).await;
        let set = world
            .app
            .set_password(
                &opened.flow,
                crate::world::visit(Some(&opened.cookie), crate::world::source(1)),
                password(PASSWORD, version),
                world.now(),
            )
            .await;
        assert!(set.is_err());
        assert_eq!(
            world
                .db
                .count("certificate where kind = 'subscriber'")
                .await,
            0
        );
    }
}
