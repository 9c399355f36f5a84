//! `docs/reference/client-openapi.json`: its examples are the files of `golden`, and its addresses those of this crate.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;
use tegata_domain::id::FlowId;
use tegata_domain::reference::RequestId;
use tegata_protocol::{
    ADDRESS_PATH, CERTIFICATES_PATH, HOLD_PATH, IN_USE_PATH, NOTICES_PATH, REFERENCE_ID_PATH,
    REVOCATION_PATH, address_code_path, address_path, address_resend_path, certificate_path,
    receipt_path,
};

const DESCRIPTION: &str = "../../docs/reference/client-openapi.json";

fn json(path: &str) -> Value {
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// Every `examples` under `value`, by name.
fn examples(value: &Value, found: &mut Vec<(String, Value)>) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                if name == "examples" {
                    let named = field.as_object().unwrap().iter();
                    found.extend(named.map(|(name, one)| (name.clone(), one["value"].clone())));
                } else {
                    examples(field, found);
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| examples(item, found)),
        _ => {}
    }
}

#[test]
fn every_example_is_the_file_of_its_name_and_every_file_an_example() {
    let mut found = Vec::new();
    examples(&json(DESCRIPTION)["paths"], &mut found);
    for (name, example) in &found {
        assert_eq!(
            *example,
            json(&format!("tests/golden/{name}.json")),
            "{name}"
        );
    }
    let names: BTreeSet<String> = found.into_iter().map(|(name, _)| name).collect();
    let files = fs::read_dir("tests/golden").unwrap().map(|file| {
        let name = file.unwrap().file_name().into_string().unwrap();
        name.strip_suffix(".json").unwrap().to_owned()
    });
    // What a later version might say is no example of this one.
    let files: BTreeSet<String> = files.filter(|name| name != "later_version").collect();
    assert_eq!(names, files);
}

#[test]
fn every_address_is_described() {
    let request = RequestId::parse("202612150000077").unwrap();
    let procedure = FlowId::parse(&"0f".repeat(16)).unwrap();
    let described = json(DESCRIPTION);
    let paths = described["paths"].as_object().unwrap();
    let described: BTreeSet<String> = paths
        .keys()
        .map(|path| {
            path.replace("{request}", request.as_str())
                .replace("{procedure}", procedure.as_str())
        })
        .collect();
    let ours = [
        ADDRESS_PATH,
        CERTIFICATES_PATH,
        HOLD_PATH,
        IN_USE_PATH,
        NOTICES_PATH,
        REFERENCE_ID_PATH,
        REVOCATION_PATH,
    ];
    let made = [
        address_code_path(&procedure),
        address_path(&procedure),
        address_resend_path(&procedure),
        certificate_path(&request),
        receipt_path(&request),
    ];
    let ours: BTreeSet<String> = ours.map(str::to_owned).into_iter().chain(made).collect();
    assert_eq!(described, ours);
}
