//! On which days and in which hours terminals ask: the server's rules, for a terminal that cannot ask it.

use serde::{Deserialize, Serialize};
use tegata_domain::spread::RequestPlan;

/// The rules; `tegata_domain::spread` turns them and a fingerprint into a second.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    /// Days left on which there is a notice.
    pub days: Vec<i64>,
    /// Days after the end on which the terminal asks daily.
    pub days_after: i64,
    /// The hour in Japan from which on terminals ask.
    pub first_hour: i64,
    /// The hour in Japan before which they ask.
    pub last_hour: i64,
    /// First day of the month on which only those ask that have a notice.
    pub busy_first_day: i64,
    /// Last such day; smaller than the first where there is none.
    pub busy_last_day: i64,
}

impl From<RequestPlan> for Schedule {
    fn from(plan: RequestPlan) -> Self {
        Self {
            days: plan.days,
            days_after: plan.days_after,
            first_hour: plan.first_hour,
            last_hour: plan.last_hour,
            busy_first_day: plan.busy_first_day,
            busy_last_day: plan.busy_last_day,
        }
    }
}

impl From<Schedule> for RequestPlan {
    fn from(schedule: Schedule) -> Self {
        Self {
            days: schedule.days,
            days_after: schedule.days_after,
            first_hour: schedule.first_hour,
            last_hour: schedule.last_hour,
            busy_first_day: schedule.busy_first_day,
            busy_last_day: schedule.busy_last_day,
        }
    }
}
