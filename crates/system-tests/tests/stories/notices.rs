//! お知らせの送信状況: the help desk watches how notices go out, looks at the day ahead, and sends one again.

use anyhow::Result;
use tegata_system_tests::steps::{
    click, click_at, expect, fill_at, goto, look, look_as, page, unfold,
};

use crate::house::House;

#[test]
fn the_help_desk_watches_notices_and_sends_one_again() -> Result<()> {
    let mut house = House::open()?;
    let sample = house.demo.sample("renewable")?;
    let request = &sample.letter.request_id;
    // Some of the thresholds lie behind by then, whatever day the sample ends on.
    house.go_to_day(20)?;
    let clerk = house.clerk("help_desk", 0)?;
    let console = format!("{}/console", house.demo.text("console")?);
    let mut steps = vec![click("お知らせメール")];
    steps.extend(look("C-18")?);
    steps.extend([
        click_at("a[href*='/console/notices/due']"),
        fill_at("#on", "2027-05-99"),
        click("この日を見る"),
        expect("日付を「2026-02-02」のように"),
    ]);
    steps.extend(look_as("C-19", "C-19-wrong")?);
    steps.extend([fill_at("#on", "2027/05/05"), click("この日を見る")]);
    steps.push(expect("期限の15日前"));
    steps.extend(look("C-19")?);
    steps.extend([
        goto(&format!("{console}/grants/{request}")),
        unfold("お知らせメールをもう一度送る"),
        fill_at("#again-reason", "電話で、届いたお知らせを消したとのこと"),
        click_at("form[action$='/again'] button"),
        expect("お知らせメールを送信待ちに入れました"),
    ]);
    steps.extend(look_as("C-5", "C-5-again")?);
    steps.extend([
        click("申請の内容とすべての経過"),
        expect("もう一度送りました"),
    ]);
    let seen = clerk.work(steps)?;
    page(&seen, "C-18")?;
    Ok(())
}
