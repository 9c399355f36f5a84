//! `docs/reference/client-openapi.json`: its examples are the files of `golden`.

use std::fs;

use serde_json::Value;
use tegata_protocol::NOTICES_PATH;

const DESCRIPTION: &str = "../../docs/reference/client-openapi.json";

fn json(path: &str) -> Value {
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn every_example_is_the_file_of_its_name() {
    let description = json(DESCRIPTION);
    let responses = &description["paths"][NOTICES_PATH]["get"]["responses"];
    let mut compared = 0;
    for (status, kind) in [
        ("200", "application/json"),
        ("403", "application/problem+json"),
    ] {
        let examples = &responses[status]["content"][kind]["examples"];
        for (name, example) in examples.as_object().unwrap() {
            assert_eq!(
                example["value"],
                json(&format!("tests/golden/{name}.json")),
                "{name}"
            );
            compared += 1;
        }
    }
    assert_eq!(compared, 12);
}
