//! The contract, on the engine in memory.
use super::*;
use millrace_base::ManualClock;
use std::time::Duration;

#[tokio::test]
async fn append_times_come_from_the_clock_and_never_go_back() {
    let clock = ManualClock::new(Timestamp(1_000));
    let log = MemoryLog::new(Arc::new(clock.clone()));
    let id = LogId(1);
    log.create(
        id,
        LogOptions {
            retention: Duration::from_secs(1),
        },
    )
    .await
    .unwrap();
    let first = log.append(id, Batch::of(&["a"])).await.unwrap();
    clock.advance(Duration::from_millis(5));
    let second = log.append(id, Batch::of(&["b"])).await.unwrap();
    assert_eq!((first.time, second.time), (Timestamp(1_000), Timestamp(1_005)));
    assert_eq!(log.offset_at(id, Timestamp(1_001)).await, Ok(1));
}

#[tokio::test]
async fn the_contract_holds() {
    let log = MemoryLog::new(Arc::new(ManualClock::new(Timestamp(1_000))));
    crate::contract::check(Arc::new(log), 1).await;
}
