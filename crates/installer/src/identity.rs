//! The codes by which Windows knows things: names of the form UUIDv5 (RFC 9562 §5.5), so that the same thing has the
//! same code in every build, and a different package never has the code of another.

use tegata_protocol::release::{Architecture, Scope};
use uuid::Uuid;

/// The name space of all our codes.
const OURS: Uuid = Uuid::from_u128(0x3b1f_60a4_5a77_4c1e_9d0c_7e2a_41d8_95b6);

/// What all versions of the product share; packages of different scopes never replace each other.
pub(crate) fn upgrade_code(scope: Scope) -> String {
    braced(named(&format!("upgrade/{}", scope.as_str())))
}

/// The code of a component: equal as long as it is the same resource at the same place.
pub(crate) fn component_code(scope: Scope, architecture: Architecture, component: &str) -> String {
    let (scope, architecture) = (scope.as_str(), architecture.as_str());
    braced(named(&format!(
        "component/{scope}/{architecture}/{component}"
    )))
}

/// The product's code: packages that differ in anything differ in it, so that each can replace the one before.
pub(crate) fn product_code(contents: &[u8]) -> String {
    braced(of_contents(b"product/", contents))
}

/// The package's code.
pub(crate) fn package_code(contents: &[u8]) -> Uuid {
    of_contents(b"package/", contents)
}

fn named(name: &str) -> Uuid {
    Uuid::new_v5(&OURS, name.as_bytes())
}

fn of_contents(label: &[u8], contents: &[u8]) -> Uuid {
    Uuid::new_v5(&OURS, &[label, contents].concat())
}

fn braced(code: Uuid) -> String {
    code.braced().to_string().to_uppercase()
}
