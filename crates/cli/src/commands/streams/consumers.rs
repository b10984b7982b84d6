//! `millrace streams consumers`.

use anyhow::{Result, bail};
use clap::Subcommand;
use millrace_api::kinesis::{
    Consumer, ConsumerDescription, ConsumerStatus, DeregisterStreamConsumerInput,
    DescribeStreamConsumerInput, DescribeStreamConsumerOutput, ListStreamConsumersInput,
    ListStreamConsumersOutput, RegisterStreamConsumerInput, RegisterStreamConsumerOutput,
};
use millrace_wire::timestamp::iso8601;
use serde_json::{Value, json};

use super::{Context, wait};
use crate::client::{CallError, Client, pages};
use crate::output::table;

/// Consumers of enhanced fan-out: each has a bandwidth of its own and is pushed its records.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List the consumers of a stream
    List {
        /// Name of the stream
        stream: String,
    },
    /// Register a consumer and wait until it can subscribe
    Register {
        /// Name of the stream
        stream: String,
        /// Name of the consumer
        consumer: String,
    },
    /// Show a consumer
    Describe {
        /// Name of the stream
        stream: String,
        /// Name of the consumer
        consumer: String,
    },
    /// Deregister a consumer
    Deregister {
        /// Name of the stream
        stream: String,
        /// Name of the consumer
        consumer: String,
    },
}

/// Runs the action.
pub(crate) async fn run(context: &Context, args: Args) -> Result<()> {
    let client = &context.client;
    match args.action {
        Action::List { stream } => list(context, &arn(client, &stream).await?).await,
        Action::Register { stream, consumer } => {
            let arn = arn(client, &stream).await?;
            show(context, &register(client, &arn, &consumer).await?)
        }
        Action::Describe { stream, consumer } => {
            let arn = arn(client, &stream).await?;
            show(context, &describe(client, &arn, &consumer).await?)
        }
        Action::Deregister { stream, consumer } => {
            deregister(client, &arn(client, &stream).await?, &consumer).await?;
            let document = json!({ "consumer": consumer, "status": "DELETED" });
            context
                .out
                .document(&document, || vec![format!("consumer {consumer} is DELETED")])?;
            Ok(())
        }
    }
}

/// The ARN of a stream.
pub(crate) async fn arn(client: &Client, stream: &str) -> Result<String, CallError> {
    Ok(wait::summary(client, stream).await?.stream_arn)
}

/// Registers a consumer and waits until it is `ACTIVE`.
pub(crate) async fn register(
    client: &Client,
    stream_arn: &str,
    consumer: &str,
) -> Result<ConsumerDescription> {
    let input = RegisterStreamConsumerInput {
        stream_arn: stream_arn.to_owned(),
        consumer_name: consumer.to_owned(),
        ..RegisterStreamConsumerInput::default()
    };
    let _: RegisterStreamConsumerOutput = client.call("RegisterStreamConsumer", input).await?;
    active(client, stream_arn, consumer).await
}

/// Waits until a consumer is `ACTIVE`.
pub(crate) async fn active(client: &Client, stream_arn: &str, consumer: &str) -> Result<ConsumerDescription> {
    let mut pause = wait::Pause::new(client);
    loop {
        let description = describe(client, stream_arn, consumer).await?;
        match description.consumer_status {
            ConsumerStatus::Active => return Ok(description),
            ConsumerStatus::Deleting => bail!("consumer {consumer} is being deleted"),
            ConsumerStatus::Creating if !pause.rest().await => bail!("consumer {consumer} is still CREATING"),
            ConsumerStatus::Creating => {}
        }
    }
}

/// How a consumer is.
pub(crate) async fn describe(
    client: &Client,
    stream_arn: &str,
    consumer: &str,
) -> Result<ConsumerDescription, CallError> {
    let input = DescribeStreamConsumerInput {
        stream_arn: Some(stream_arn.to_owned()),
        consumer_name: Some(consumer.to_owned()),
        ..DescribeStreamConsumerInput::default()
    };
    let output: DescribeStreamConsumerOutput = client.call("DescribeStreamConsumer", input).await?;
    Ok(output.consumer_description)
}

/// Deregisters a consumer and waits until its name is free again.
pub(crate) async fn deregister(client: &Client, stream_arn: &str, consumer: &str) -> Result<()> {
    let input = DeregisterStreamConsumerInput {
        stream_arn: Some(stream_arn.to_owned()),
        consumer_name: Some(consumer.to_owned()),
        ..DeregisterStreamConsumerInput::default()
    };
    client.send("DeregisterStreamConsumer", input).await?;
    let mut pause = wait::Pause::new(client);
    loop {
        match describe(client, stream_arn, consumer).await {
            Err(error) if error.code() == Some("ResourceNotFoundException") => return Ok(()),
            Err(error) => return Err(error.into()),
            Ok(_) if !pause.rest().await => bail!("consumer {consumer} is still DELETING"),
            Ok(_) => {}
        }
    }
}

async fn list(context: &Context, stream_arn: &str) -> Result<()> {
    let consumers: Vec<Consumer> = pages(async |next_token| {
        let input = ListStreamConsumersInput {
            stream_arn: stream_arn.to_owned(),
            next_token,
            ..ListStreamConsumersInput::default()
        };
        let page: ListStreamConsumersOutput = context.client.call("ListStreamConsumers", input).await?;
        Ok((page.consumers.unwrap_or_default(), page.next_token))
    })
    .await?;
    let document: Vec<_> = consumers
        .iter()
        .map(|c| {
            document(
                &c.consumer_name,
                &c.consumer_arn,
                c.consumer_status,
                c.consumer_creation_timestamp.0,
            )
        })
        .collect();
    context.out.document(&document, || {
        let rows: Vec<_> = consumers
            .iter()
            .map(|c| {
                let created = iso8601(c.consumer_creation_timestamp.0);
                vec![
                    c.consumer_name.clone(),
                    c.consumer_status.as_str().to_owned(),
                    created,
                ]
            })
            .collect();
        table(&["NAME", "STATUS", "CREATED"], &rows)
    })?;
    Ok(())
}

fn show(context: &Context, c: &ConsumerDescription) -> Result<()> {
    let document = document(
        &c.consumer_name,
        &c.consumer_arn,
        c.consumer_status,
        c.consumer_creation_timestamp.0,
    );
    context.out.document(&document, || {
        vec![
            format!("consumer {} is {}", c.consumer_name, c.consumer_status.as_str()),
            c.consumer_arn.clone(),
        ]
    })?;
    Ok(())
}

fn document(name: &str, arn: &str, status: ConsumerStatus, created: i64) -> Value {
    json!({ "name": name, "arn": arn, "status": status.as_str(), "created": iso8601(created) })
}
