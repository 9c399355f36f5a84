//! ダウンロード可能期間の延長 (D4): after a disaster the help desk proposes a longer window for a batch, another
//! operator confirms it, and the holders are told.

use anyhow::{Result, ensure};
use tegata_system_tests::json::text;
use tegata_system_tests::steps::{click, expect, fill_at, look, look_as};

use crate::house::House;

const UNTIL: &str = "2027-12-20";
const PROPOSE: &str = "延長を提案する(もう一人が確認します)";
const TOLD: &str = "【電子証明書 ダウンロード可能期間延長のお知らせ】";

#[test]
fn a_batch_of_windows_is_extended_by_two_operators() -> Result<()> {
    let house = House::open()?;
    let samples = house.demo.samples("posted")?;
    let desk = house.clerk("help_desk", 0)?;
    let mut steps = vec![
        click("取得されていない電子証明書と、ダウンロード可能期間の延長"),
        expect("までに期限が来るものは、ありません。"),
        fill_at("#to", "2027/12/31"),
        click("表示する"),
    ];
    steps.extend(
        samples
            .iter()
            .map(|sample| expect(&sample.letter.request_id)),
    );
    steps.extend(look("C-21")?);
    steps.extend([
        fill_at("#until", "2029-12-20"),
        fill_at("#reason", "大雨による郵便の遅れのため"),
        click(PROPOSE),
        expect("受け付けられませんでした"),
    ]);
    steps.extend(look_as("C-21", "C-21-wrong")?);
    steps.extend([fill_at("#until", UNTIL), click(PROPOSE), expect(UNTIL)]);
    steps.extend(look_as("C-15", "C-15-windows")?);
    desk.work(steps)?;
    let approver = house.clerk("approver", 0)?;
    approver.confirm("ダウンロード可能期間の延長")?;
    for sample in &samples {
        let grant = house.grant(&sample.letter.request_id)?;
        // The last second of the day in Japan.
        let end = text(&grant, "window_end")?;
        ensure!(end == "2027-12-20T14:59:59Z", "{grant}");
        let mail = house.demo.mail(text(&grant, "mail")?, TOLD)?;
        ensure!(mail.contains("大雨による郵便の遅れのため"), "{mail}");
    }
    Ok(())
}
