//! The bytes of one connection: clear or TLS, watched while they flow.
//!
//! A read is reported to [`Activity`]. A write that makes no progress for too long fails, so that a client that
//! does not read cannot hold an answer for ever.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use millrace_base::Clock;
use millrace_base::clock::Sleep;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use super::activity::Activity;

/// Clear text or TLS; one type, so that HTTP is compiled once.
pub(super) enum Channel {
    Clear(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// A channel that is watched.
pub(super) struct Transport {
    channel: Channel,
    activity: Arc<Activity>,
    clock: Arc<dyn Clock>,
    write_patience: Duration,
    stalled: Option<Sleep>,
}

impl Transport {
    pub(super) fn new(
        channel: Channel,
        activity: Arc<Activity>,
        clock: Arc<dyn Clock>,
        write_patience: Duration,
    ) -> Self {
        Self {
            channel,
            activity,
            clock,
            write_patience,
            stalled: None,
        }
    }

    /// Lets a pending write wait only as long as the client has patience for.
    fn watch<T>(&mut self, cx: &mut Context<'_>, poll: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if poll.is_ready() {
            self.stalled = None;
            return poll;
        }
        let stalled = self
            .stalled
            .get_or_insert_with(|| self.clock.sleep(self.write_patience));
        ready!(stalled.as_mut().poll(cx));
        Poll::Ready(Err(io::Error::new(
            io::ErrorKind::TimedOut,
            "the client does not read",
        )))
    }
}

impl AsyncRead for Transport {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(match &mut self.channel {
            Channel::Clear(stream) => Pin::new(stream).poll_read(cx, buf),
            Channel::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
        })?;
        if buf.filled().len() > before {
            self.activity.received();
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Transport {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let poll = match &mut self.channel {
            Channel::Clear(stream) => Pin::new(stream).poll_write(cx, buf),
            Channel::Tls(stream) => Pin::new(stream).poll_write(cx, buf),
        };
        self.watch(cx, poll)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let poll = match &mut self.channel {
            Channel::Clear(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
            Channel::Tls(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
        };
        self.watch(cx, poll)
    }

    fn is_write_vectored(&self) -> bool {
        match &self.channel {
            Channel::Clear(stream) => stream.is_write_vectored(),
            Channel::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let poll = match &mut self.channel {
            Channel::Clear(stream) => Pin::new(stream).poll_flush(cx),
            Channel::Tls(stream) => Pin::new(stream).poll_flush(cx),
        };
        self.watch(cx, poll)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let poll = match &mut self.channel {
            Channel::Clear(stream) => Pin::new(stream).poll_shutdown(cx),
            Channel::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        };
        self.watch(cx, poll)
    }
}
