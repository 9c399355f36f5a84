//! Certificates of our own services: TLS servers and OCSP responders, which renew themselves (W4).

use tegata_domain::certificate::CertificateKind;
use tegata_domain::id::{SerialNumber, ServiceCertificateId};
use tegata_domain::time::Timestamp;

use crate::error::StoreError;
use crate::sql::Connection;
use crate::store::Tx;

/// A service's certificate as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceCertificate {
    /// Its id.
    pub id: ServiceCertificateId,
    /// Any but [`CertificateKind::Subscriber`].
    pub kind: CertificateKind,
    /// The server's name, or the id of the CA key that the responder answers for.
    pub name: String,
    /// The certificate.
    pub serial: SerialNumber,
    /// Its private key, sealed.
    pub sealed_key: Vec<u8>,
    /// Its last second.
    pub not_after: Timestamp,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A service's certificate with its DER, ready to be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceCertificateRow {
    /// Its id.
    pub id: ServiceCertificateId,
    /// The certificate.
    pub serial: SerialNumber,
    /// Its private key, sealed.
    pub sealed_key: Vec<u8>,
    /// Its last second.
    pub not_after: Timestamp,
    /// The certificate, DER.
    pub der: Vec<u8>,
}

impl Connection {
    /// The service's issued certificate that ends last, of those that have begun by `now`: a clock that was ahead may have made
    /// others (S7).
    pub async fn newest_service_certificate(
        &mut self,
        kind: CertificateKind,
        name: &str,
        now: Timestamp,
    ) -> Result<Option<ServiceCertificateRow>, StoreError> {
        let row = self
            .fetch_optional(
                "select s.id, s.serial, s.sealed_key, s.not_after, d.der
                from service_certificate s
                join certificate c on c.serial = s.serial and c.state = 'issued'
                join certificate_der d on d.serial = s.serial
                where s.kind = $1 and s.name = $2 and c.not_before <= $3
                order by s.not_after desc, s.id desc limit 1",
                &[kind.as_str().into(), name.into(), now.into()],
            )
            .await?;
        row.map(|row| {
            let fields = row.of("service_certificate");
            Ok(ServiceCertificateRow {
                id: fields.id(0, ServiceCertificateId::parse)?,
                serial: fields.id(1, SerialNumber::parse)?,
                sealed_key: fields.bytes(2)?,
                not_after: fields.time(3)?,
                der: fields.bytes(4)?,
            })
        })
        .transpose()
    }
}

impl Tx {
    /// Adds a service's certificate; its intent must be stored before.
    pub async fn insert_service_certificate(
        &mut self,
        service: &ServiceCertificate,
    ) -> Result<(), StoreError> {
        self.execute(
            "insert into service_certificate (id, kind, name, serial, sealed_key, not_after,
                created_at)
            values ($1, $2, $3, $4, $5, $6, $7)",
            &[
                service.id.as_str().into(),
                service.kind.as_str().into(),
                service.name.as_str().into(),
                service.serial.to_string().into(),
                service.sealed_key.as_slice().into(),
                service.not_after.into(),
                service.created_at.into(),
            ],
        )
        .await
        .map(drop)
    }
}
