//! お知らせ: an administrator writes one, everybody reads it at the entrance.

use anyhow::Result;
use tegata_system_tests::steps::{
    click, click_at, expect, fill, fill_at, goto, look, look_as, picture, select, unfold,
};

use crate::house::{DAY_ONE, House};

const TITLE: &str = "回線の工事について";
const BODY: &str = "工事のため、午前中はつながりにくくなります。";

#[test]
fn a_notice_is_written_looked_at_and_read_at_the_entrance() -> Result<()> {
    let mut house = House::open()?;
    let clerk = house.clerk("administrator", 0)?;
    let mut steps = vec![click("お知らせ")];
    steps.extend(look("C-12")?);
    steps.extend([click("お知らせを書く"), click("掲載する")]);
    steps.extend(look_as("C-17", "C-17-wrong")?);
    steps.extend([
        select("種類", "保守"),
        fill("題名", TITLE),
        fill("本文", BODY),
        fill_at("#affects_from", DAY_ONE),
        click("表示を確認する"),
        expect("入口の画面での表示"),
        unfold(TITLE),
    ]);
    steps.extend(look("C-17")?);
    steps.extend([click("掲載する"), expect("掲載中")]);
    clerk.work(steps)?;

    let terminal = house.terminal(None)?;
    let mut read = vec![
        goto(&format!("{}/", house.public()?)),
        expect("今日の状況:お知らせあり"),
        unfold(TITLE),
        expect(BODY),
    ];
    read.push(picture("TOP-news")?);
    terminal.drive(&read)?;

    clerk.work([
        click("お知らせ"),
        click(TITLE),
        click_at("form[action$='/withdraw'] button"),
        expect("取り下げ"),
    ])?;
    terminal.drive(&[
        goto(&format!("{}/", house.public()?)),
        expect("今日の状況:正常"),
    ])?;
    Ok(())
}
