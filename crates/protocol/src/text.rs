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

/// リクエストID: its digits.
pub(crate) mod request_id {
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serializer};
    use tegata_domain::reference::RequestId;

    pub(crate) fn serialize<S: Serializer>(id: &RequestId, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(id)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<RequestId, D::Error> {
        let text = String::deserialize(from)?;
        RequestId::parse(&text).ok_or_else(|| D::Error::custom("not a request ID"))
    }
}

/// リファレンスID: its characters, in the one answer that shows it.
pub(crate) mod reference_id {
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serializer};
    use tegata_domain::reference::ReferenceId;

    pub(crate) fn serialize<S: Serializer>(id: &ReferenceId, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(id.expose())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<ReferenceId, D::Error> {
        let text = String::deserialize(from)?;
        ReferenceId::parse(&text).ok_or_else(|| D::Error::custom("not a reference ID"))
    }
}

/// A procedure: 32 hexadecimal digits.
pub(crate) mod procedure {
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serializer};
    use tegata_domain::id::FlowId;

    pub(crate) fn serialize<S: Serializer>(id: &FlowId, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(id.as_str())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<FlowId, D::Error> {
        let text = String::deserialize(from)?;
        FlowId::parse(&text).map_err(D::Error::custom)
    }
}

/// A serial number: 32 hexadecimal digits.
pub(crate) mod serial {
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serializer};
    use tegata_domain::id::SerialNumber;

    pub(crate) fn serialize<S: Serializer>(
        serial: &SerialNumber,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.collect_str(serial)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<SerialNumber, D::Error> {
        let text = String::deserialize(from)?;
        SerialNumber::parse(&text).map_err(D::Error::custom)
    }
}
