//! What the tour needs: a server, a stream and a consumer.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;

use anyhow::{Context as _, Result};
use millrace_api::kinesis::CreateStreamInput;
use tempfile::TempDir;

use super::Plan;
use super::limits::STOP_TIME_MAX;
use crate::client::{CallError, Client, Credentials, Endpoint};
use crate::commands::server::Running;
use crate::commands::streams::{consumers, wait};
use crate::output::Output;
use crate::seams::Seams;

const STREAM: &str = "millrace-demo";
const CONSUMER: &str = "millrace-demo-summary";
const DEFAULT_PORT: u16 = 4567;

/// A server with a stream and a consumer.
pub(super) struct Stage {
    server: Running,
    pub(super) client: Client,
    pub(super) stream: String,
    pub(super) consumer_arn: String,
    /// Removed when the stage is.
    temporary: Option<TempDir>,
}

impl Stage {
    /// Starts the server and makes the stream, or takes the one that is there.
    pub(super) async fn set(plan: &Plan, seams: &Seams) -> Result<Self> {
        let temporary = match plan.data_dir {
            Some(_) => None,
            None => {
                Some(TempDir::with_prefix("millrace-demo-").context("no temporary directory can be made")?)
            }
        };
        let dir: &Path = match (&plan.data_dir, &temporary) {
            (Some(dir), _) => dir,
            (None, Some(temporary)) => temporary.path(),
            (None, None) => Path::new("."),
        };
        let listen = plan.listen.unwrap_or_else(default_address);
        let server = Running::start(listen, dir).await?;
        let address = server.local_addr();
        let endpoint = Endpoint {
            tls: false,
            host: address.ip().to_string(),
            port: address.port(),
        };
        let parts = (seams.clock.clone(), seams.rng.clone(), seams.tasks.clone());
        let client = Client::new(
            endpoint,
            "us-east-1".to_owned(),
            Credentials::local(),
            None,
            parts,
        )?;
        let input = CreateStreamInput {
            stream_name: STREAM.to_owned(),
            shard_count: Some(plan.shards),
            ..CreateStreamInput::default()
        };
        there_is_fine(client.send("CreateStream", input).await)?;
        let arn = wait::active(&client, STREAM).await?.stream_arn;
        let consumer = match consumers::describe(&client, &arn, CONSUMER).await {
            Ok(_) => consumers::active(&client, &arn, CONSUMER).await?,
            Err(_) => consumers::register(&client, &arn, CONSUMER).await?,
        };
        let consumer_arn = consumer.consumer_arn;
        Ok(Self {
            server,
            client,
            stream: STREAM.to_owned(),
            consumer_arn,
            temporary,
        })
    }

    /// What to tell before it begins.
    pub(super) fn welcome(&self, out: Output) -> Vec<String> {
        let endpoint = self.client.endpoint();
        let kept = match &self.temporary {
            Some(_) => "in a temporary directory, removed at the end; keep it with --data-dir DIR",
            None => "in your directory; the next tour goes on there",
        };
        let option = if endpoint.to_string() == crate::client::DEFAULT_ENDPOINT {
            String::new()
        } else {
            format!(" --endpoint {endpoint}")
        };
        let stream = &self.stream;
        vec![
            out.bold(format_args!("millrace demo: a Kinesis server at {endpoint}")),
            format!(
                "Every reading of this machine becomes a record of stream {stream}; data is kept {kept}."
            ),
            "While it runs, try in another terminal:".to_owned(),
            format!("  millrace streams tail {stream}{option}"),
            format!("  millrace streams put {stream} 'hello'{option}"),
            format!("  millrace streams split {stream} shardId-000000000000{option}"),
            "  export AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test AWS_DEFAULT_REGION=us-east-1"
                .to_owned(),
            format!("  aws --endpoint-url {endpoint} kinesis describe-stream-summary --stream-name {stream}"),
            "Ctrl-C ends it.".to_owned(),
            String::new(),
        ]
    }

    /// Stops the server and removes what was temporary.
    pub(super) async fn strike(self) -> Result<()> {
        self.server.stop(STOP_TIME_MAX).await?;
        if let Some(temporary) = self.temporary {
            temporary
                .close()
                .context("the temporary directory cannot be removed")?;
        }
        Ok(())
    }
}

fn there_is_fine(result: Result<(), CallError>) -> Result<(), CallError> {
    match result {
        Err(error) if error.code() == Some("ResourceInUseException") => Ok(()),
        other => other,
    }
}

/// The default port if it is free, else any.
fn default_address() -> SocketAddr {
    let default = SocketAddr::from((Ipv4Addr::LOCALHOST, DEFAULT_PORT));
    let free = TcpListener::bind(default).is_ok();
    if free {
        default
    } else {
        SocketAddr::from((Ipv4Addr::LOCALHOST, 0))
    }
}
