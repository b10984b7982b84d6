//! The operations: one file each.

pub(crate) mod get_aws_default_service_quota;
pub(crate) mod get_service_quota;
pub(crate) mod list_aws_default_service_quotas;
pub(crate) mod list_service_quotas;
pub(crate) mod list_services;
pub(crate) mod request_service_quota_increase;
