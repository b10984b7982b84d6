//! Enhanced fan-out: from a put until the record is pushed.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, bail};

use super::{Requests, STREAM, text_after};
use crate::client::http1::Connection;
use crate::load::{Latency, Recorder};

/// Between two puts.
const EVERY: Duration = Duration::from_millis(5);

/// Latencies of records that were put and pushed.
#[derive(Clone, Copy, Debug)]
pub struct FanOut {
    /// From the put's start until the record came.
    pub push: Latency,
    /// From the put's start until it was answered, in the same run.
    pub put: Latency,
}

/// Puts one record every 5 ms and measures until it is pushed to a subscriber. `None` where that is not supported.
pub fn fan_out(port: u16, puts: usize) -> Result<Option<FanOut>> {
    let (requests, mut control) = (Requests::new(port), Connection::open(port)?);
    let Some(mut pushed) = subscribe(port, &requests, &mut control)? else {
        return Ok(None);
    };
    let (stop, begun) = (AtomicBool::new(false), Instant::now());
    let (mut pushes, mut seen) = (Recorder::default(), 0);
    let put = std::thread::scope(|scope| -> Result<Recorder> {
        let putter = scope.spawn(|| {
            let put = put(&requests, &mut control, begun, puts);
            std::thread::sleep(Duration::from_millis(500));
            stop.store(true, Ordering::Relaxed);
            put
        });
        while seen < puts && !stop.load(Ordering::Relaxed) {
            let Some(chunk) = pushed.next_chunk()? else { break };
            let now = begun.elapsed();
            for sent in stamps(chunk) {
                pushes.record(now.saturating_sub(sent));
                seen += 1;
            }
        }
        putter.join().map_err(|_| anyhow!("the putter panicked"))?
    })?;
    let took = begun.elapsed();
    Ok((seen > 0).then(|| FanOut {
        push: Latency::of(&pushes, took),
        put: Latency::of(&put, took),
    }))
}

/// Registers a consumer and subscribes it to the first shard.
fn subscribe(port: u16, requests: &Requests, control: &mut Connection) -> Result<Option<Connection>> {
    let body = format!(r#"{{"StreamName":"{STREAM}"}}"#);
    let (_, answer) = control.call(&requests.json("DescribeStreamSummary", &body))?;
    let Some(arn) = text_after(answer, b"\"StreamARN\":\"") else {
        return Ok(None);
    };
    let body = format!(r#"{{"StreamARN":"{arn}","ConsumerName":"bench"}}"#);
    let (status, answer) = control.call(&requests.json("RegisterStreamConsumer", &body))?;
    let Some(consumer) = text_after(answer, b"\"ConsumerARN\":\"").filter(|_| status == 200) else {
        return Ok(None);
    };
    let body = format!(r#"{{"ConsumerARN":"{consumer}"}}"#);
    let describe = requests.json("DescribeStreamConsumer", &body);
    for _ in 0..500 {
        if memchr::memmem::find(control.call(&describe)?.1, b"ACTIVE").is_some() {
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let body = format!(
        r#"{{"ConsumerARN":"{consumer}","ShardId":"shardId-000000000000","StartingPosition":{{"Type":"LATEST"}}}}"#
    );
    let mut pushed = Connection::open(port)?;
    let open = pushed.subscribe(&requests.json("SubscribeToShard", &body))?;
    Ok(open.then_some(pushed))
}

fn put(requests: &Requests, control: &mut Connection, begun: Instant, puts: usize) -> Result<Recorder> {
    let mut seen = Recorder::default();
    std::thread::sleep(Duration::from_millis(300));
    for _ in 0..puts {
        let sent = Instant::now();
        let micros = begun.elapsed().as_micros();
        let (status, answer) = control.call(&requests.put_one(&format!("T{micros:015}"), "0"))?;
        if status != 200 {
            bail!("PutRecord: {status} {}", String::from_utf8_lossy(answer));
        }
        seen.record(sent.elapsed());
        std::thread::sleep(EVERY);
    }
    Ok(seen)
}

/// When the records in a pushed chunk were sent.
fn stamps(chunk: &[u8]) -> Vec<Duration> {
    const KEY: &[u8] = b"\"Data\":\"";
    let stamp = |at: usize| {
        let text = &chunk[at + KEY.len()..];
        let text = &text[..memchr::memchr(b'"', text)?];
        let data = base64_simd::STANDARD.decode_to_vec(text).ok()?;
        let micros = std::str::from_utf8(&data).ok()?.strip_prefix('T')?.parse().ok()?;
        Some(Duration::from_micros(micros))
    };
    memchr::memmem::find_iter(chunk, KEY).filter_map(stamp).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_are_found_among_other_records() {
        let stamp = base64_simd::STANDARD.encode_to_string("T000000000001500");
        let chunk = format!(r#"{{"Records":[{{"Data":"{stamp}"}},{{"Data":"AAAA"}}]}}"#);
        assert_eq!(stamps(chunk.as_bytes()), [Duration::from_micros(1500)]);
    }
}
