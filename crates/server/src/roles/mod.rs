//! The services behind the port, one file each.

mod access;
mod cloudwatch;
mod dynamodb;
mod keys;
mod streams;

use std::sync::Arc;

use millrace_access::Access;
use millrace_api::{Operation, Service};
use millrace_companions::cloudwatch::Cloudwatch;
use millrace_companions::dynamodb::Dynamodb;
use millrace_companions::kms::Kms;
use millrace_companions::quotas::ServiceQuotas;
use millrace_log::EmbeddedLog;
use millrace_streams::Streams;
use millrace_wire::{ApiError, Body, Caller, Codec, Reply};

pub(crate) use access::open as open_access;
pub(crate) use cloudwatch::{Sampler, open as open_cloudwatch};
pub(crate) use dynamodb::open as open_dynamodb;
pub use keys::KeysError;
pub(crate) use keys::{open as open_keys, open_local as open_local_keys};
pub(crate) use streams::open as open_streams;

/// The open services.
#[derive(Debug)]
pub(crate) struct Services {
    pub(crate) streams: Streams,
    pub(crate) quotas: ServiceQuotas,
    pub(crate) dynamodb: Dynamodb,
    pub(crate) access: Access,
    pub(crate) cloudwatch: Cloudwatch,
    pub(crate) kms: Kms,
    /// For its counters; `None` when everything is in memory.
    pub(crate) embedded: Option<Arc<EmbeddedLog>>,
}

impl Services {
    /// Whether this version answers the service's operations at all.
    pub(crate) fn has(service: &Service) -> bool {
        [
            &millrace_api::kinesis::SERVICE,
            &millrace_api::millrace::SERVICE,
            &millrace_api::service_quotas::SERVICE,
            &millrace_api::dynamodb::SERVICE,
            &millrace_api::cloudwatch::SERVICE,
            &millrace_api::kms::SERVICE,
            &millrace_api::iam::SERVICE,
            &millrace_api::sts::SERVICE,
        ]
        .into_iter()
        .any(|built| std::ptr::eq(service, built))
    }

    /// Hands a call of an authenticated caller to its service.
    pub(crate) async fn call(
        &self,
        service: &'static Service,
        caller: &Caller,
        op: &'static Operation,
        codec: Codec,
        body: Body,
    ) -> Result<Reply, ApiError> {
        match service.id {
            "kinesis" | "millrace" => self.streams.call(caller, op, codec, body).await,
            "service-quotas" => self.quotas.call(caller, op, codec, body.whole().clone()).await,
            "dynamodb" => self.dynamodb.call(caller, op, codec, body.whole().clone()).await,
            "cloudwatch" => {
                self.cloudwatch
                    .call(caller, op, codec, body.whole().clone())
                    .await
            }
            "kms" => self.kms.call(caller, op, codec, body.whole().clone()).await,
            "iam" | "sts" => self.access.call(caller, op, codec, body.whole().clone()).await,
            _ => Err(unbuilt(service)),
        }
    }
}

/// What a service answers that this version does not have.
pub(crate) fn unbuilt(service: &Service) -> ApiError {
    let text = format!(
        "The service {} is not part of this version of Millrace yet. The list of supported operations is in the README.",
        service.id
    );
    ApiError::client(millrace_wire::error::UNKNOWN_OPERATION, text)
}
