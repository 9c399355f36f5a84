//! The names of the two sample relying systems.

use super::relying_site::SampleSystem;

/// What stands at the top of its pages.
pub(super) const fn system_name(system: SampleSystem) -> &'static str {
    match system {
        SampleSystem::Claims => "オンライン請求システム(見本)",
        SampleSystem::Eligibility => "オンライン資格確認等システム(見本)",
    }
}
