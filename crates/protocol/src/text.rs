//! How domain values stand in JSON: as the texts that they print.

/// An instant: RFC 3339.
pub(crate) mod instant {
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serializer};
    use tegata_domain::time::Timestamp;

    pub(crate) fn serialize<S: Serializer>(at: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(at)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Timestamp, D::Error> {
        let text = String::deserialize(from)?;
        Timestamp::parse_rfc3339(&text).map_err(D::Error::custom)
    }
}

/// An instant, or null.
pub(crate) mod maybe_instant {
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serializer};
    use tegata_domain::time::Timestamp;

    pub(crate) fn serialize<S: Serializer>(
        at: &Option<Timestamp>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        match at {
            Some(at) => to.collect_str(at),
            None => to.serialize_none(),
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Timestamp>, D::Error> {
        let text = Option::<String>::deserialize(from)?;
        let read = |text: String| Timestamp::parse_rfc3339(&text).map_err(D::Error::custom);
        text.map(read).transpose()
    }
}

/// A day: `2027-03-14`.
pub(crate) mod day {
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serializer};
    use tegata_domain::time::CalendarDate;

    pub(crate) fn serialize<S: Serializer>(day: &CalendarDate, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(day)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<CalendarDate, D::Error> {
        let text = String::deserialize(from)?;
        CalendarDate::parse(&text).map_err(D::Error::custom)
    }
}

/// A fingerprint: 64 hexadecimal digits.
pub(crate) mod fingerprint {
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serializer};
    use tegata_domain::id::Fingerprint;

    pub(crate) fn serialize<S: Serializer>(print: &Fingerprint, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(print)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Fingerprint, D::Error> {
        let text = String::deserialize(from)?;
        let wrong = || D::Error::custom("not a SHA-256 in 64 hexadecimal digits");
        Fingerprint::parse(&text).ok_or_else(wrong)
    }
}
