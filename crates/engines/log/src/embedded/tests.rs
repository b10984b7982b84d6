//! The engine with its threads, on a real directory.

use super::*;
use crate::contract::{self, ALL};
use millrace_base::{ByteSize, SystemClock, SystemRng};
use std::path::Path;
use std::time::Duration;

fn options(dir: &Path) -> Options {
    Options::in_dir(dir, Arc::new(SystemClock::new()), Arc::new(SystemRng)).unwrap()
}

const DAY: LogOptions = LogOptions {
    retention: Duration::from_secs(86_400),
};

#[tokio::test(flavor = "multi_thread")]
async fn the_contract_holds_on_a_real_disk() {
    let dir = tempfile::tempdir().unwrap();
    let log = Arc::new(EmbeddedLog::open(options(dir.path())).await.unwrap());
    contract::check(log.clone(), 1).await;
    log.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_contract_holds_while_everything_is_sealed_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options {
        seal_bytes: ByteSize(1),
        seal_age: Duration::ZERO,
        seal_pace_bytes: ByteSize::mib(1 << 20),
        durability: Durability::Os,
        ..options(dir.path())
    };
    let log = Arc::new(EmbeddedLog::open(options).await.unwrap());
    contract::check(log.clone(), 1).await;
    assert!(log.metrics().seals > 0, "{:?}", log.metrics());
    log.close().await;
}

#[tokio::test]
async fn what_was_acknowledged_is_there_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let id = LogId(7);
    for round in 0..4u64 {
        let log = EmbeddedLog::open(options(dir.path())).await.unwrap();
        if round == 0 {
            log.create(id, DAY).await.unwrap();
        }
        assert_eq!(log.tail(id).unwrap().end, round * 2);
        let appended = log
            .append(id, Batch::of(&[format!("a{round}"), format!("b{round}")]))
            .await
            .unwrap();
        assert_eq!(appended.first, round * 2);
        let chunk = log.read(id, 0, ALL).await.unwrap();
        let texts: Vec<_> = chunk
            .entries
            .iter()
            .map(|e| String::from_utf8_lossy(&e.bytes).into_owned())
            .collect();
        let expected: Vec<_> = (0..=round)
            .flat_map(|r| [format!("a{r}"), format!("b{r}")])
            .collect();
        assert_eq!(texts, expected);
        log.close().await;
        assert!(matches!(
            log.append(id, Batch::of(&["late"])).await,
            Err(LogError::Closed(_))
        ));
    }
}

#[tokio::test]
async fn a_second_engine_on_the_same_directory_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let first = EmbeddedLog::open(options(dir.path())).await.unwrap();
    let second = EmbeddedLog::open(options(dir.path())).await;
    assert!(matches!(second, Err(OpenError::Locked(_))), "{second:?}");
    first.close().await;
    EmbeddedLog::open(options(dir.path()))
        .await
        .unwrap()
        .close()
        .await;
}
