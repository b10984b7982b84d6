//! Service Quotas (API 2019-06-24) over the quotas of Data Streams.
//!
//! A request for another quota is granted at once, up or down, as long as it does not endanger the server. Quota codes
//! are words, not the `L-` numbers that AWS gives out.

mod ops;

use std::sync::Arc;

use bytes::Bytes;
use millrace_api::Operation;
use millrace_api::service_quotas::{AppliedLevelEnum, SERVICE, ServiceQuota};
use millrace_base::Clock;
use millrace_streams::Streams;
use millrace_streams::limits::Quotas;
use millrace_streams::quotas::Quota;
use millrace_wire::access::Target;
use millrace_wire::arn::partition_of;
use millrace_wire::{ApiError, Caller, Codec, Reply};

/// The one service whose quotas there are.
const KINESIS: &str = "kinesis";
/// Its name.
const KINESIS_NAME: &str = "Amazon Kinesis Data Streams";
/// The one unit.
const UNIT: &str = "None";

/// The service. Clones share it.
#[derive(Clone, Debug)]
pub struct ServiceQuotas {
    streams: Streams,
    clock: Arc<dyn Clock>,
}

impl ServiceQuotas {
    /// Over the quotas of `streams`.
    #[must_use]
    pub const fn new(streams: Streams, clock: Arc<dyn Clock>) -> Self {
        Self { streams, clock }
    }

    /// Answers one call of an authenticated caller.
    ///
    /// # Errors
    /// What the client is told.
    pub async fn call(
        &self,
        caller: &Caller,
        op: &'static Operation,
        codec: Codec,
        body: Bytes,
    ) -> Result<Reply, ApiError> {
        caller.holds_for(&SERVICE, op)?;
        caller.authorize(&Target::account(&caller.account))?;
        let reply = match op.name {
            "GetAWSDefaultServiceQuota" => {
                let input = codec.typed(&body)?;
                codec.reply(ops::get_aws_default_service_quota::call(self, caller, &input)?)
            }
            "GetServiceQuota" => {
                let input = codec.typed(&body)?;
                codec.reply(ops::get_service_quota::call(self, caller, &input)?)
            }
            "ListAWSDefaultServiceQuotas" => {
                let input = codec.typed(&body)?;
                codec.reply(ops::list_aws_default_service_quotas::call(self, caller, &input)?)
            }
            "ListServiceQuotas" => {
                let input = codec.typed(&body)?;
                codec.reply(ops::list_service_quotas::call(self, caller, &input)?)
            }
            "ListServices" => codec.reply(ops::list_services::call(&codec.typed(&body)?)),
            "RequestServiceQuotaIncrease" => {
                let input = codec.typed(&body)?;
                codec.reply(ops::request_service_quota_increase::call(self, caller, &input).await?)
            }
            _ => return Err(ApiError::unknown_operation()),
        };
        Ok(reply)
    }
}

/// The quota a request names.
fn find(service: &str, code: &str) -> Result<&'static Quota, ApiError> {
    hold_service(service)?;
    Quota::find(code).ok_or_else(|| {
        let known: Vec<&str> = millrace_streams::quotas::QUOTAS
            .iter()
            .map(|quota| quota.code)
            .collect();
        let text = format!(
            "There is no quota {code} of {KINESIS}; there are {}.",
            known.join(", ")
        );
        ApiError::client("NoSuchResourceException", text)
    })
}

fn hold_service(service: &str) -> Result<(), ApiError> {
    if service == KINESIS {
        return Ok(());
    }
    let text = format!("There are no quotas of {service}: ServiceCode must be {KINESIS}.");
    Err(ApiError::client("NoSuchResourceException", text))
}

fn arn(caller: &Caller, quota: &Quota) -> String {
    let (region, account) = (&caller.region, &caller.account);
    let partition = partition_of(region);
    format!(
        "arn:{partition}:servicequotas:{region}:{account}:{KINESIS}/{}",
        quota.code
    )
}

/// `ServiceQuota`
fn shape(caller: &Caller, quota: &Quota, quotas: &Quotas) -> ServiceQuota {
    ServiceQuota {
        service_code: Some(KINESIS.to_owned()),
        service_name: Some(KINESIS_NAME.to_owned()),
        quota_arn: Some(arn(caller, quota)),
        quota_code: Some(quota.code.to_owned()),
        quota_name: Some(quota.name.to_owned()),
        value: Some(f64::from(quota.value(quotas))),
        unit: Some(UNIT.to_owned()),
        adjustable: Some(true),
        global_quota: Some(false),
        usage_metric: None,
        period: None,
        error_reason: None,
        quota_applied_at_level: Some(AppliedLevelEnum::Account),
        quota_context: None,
        description: Some(quota.description.to_owned()),
    }
}
