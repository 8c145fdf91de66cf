//! A counted wire: hands bytes on between two ends on loopback, without copying them.

use std::io;
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use rustix::io::Errno;
use rustix::pipe::{SpliceFlags, fcntl_setpipe_size, pipe, splice};

use crate::failure::Outcome;

const PIPE_BYTES: usize = 1 << 20;

/// What has passed, both ways, over all connections.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wire(Arc<AtomicU64>);

impl Wire {
    pub(crate) fn bytes(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// A port whose connections are handed on to `port`, until the program ends.
    pub(crate) fn towards(&self, port: u16) -> Outcome<u16> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let own = listener.local_addr()?.port();
        let wire = self.clone();
        thread::spawn(move || {
            for near in listener.incoming().flatten() {
                // Nobody listens there (yet): the caller sees its connection close.
                if let Ok(far) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)) {
                    drop(wire.join(near, far));
                }
            }
        });
        Ok(own)
    }

    fn join(&self, near: TcpStream, far: TcpStream) -> io::Result<()> {
        near.set_nodelay(true)?;
        far.set_nodelay(true)?;
        for (from, to) in [(near.try_clone()?, far.try_clone()?), (far, near)] {
            let wire = self.clone();
            thread::spawn(move || {
                // However it ends, the other side must hear of it.
                if wire.hand_on(&from, &to).is_err() {
                    from.shutdown(Shutdown::Both).ok();
                    to.shutdown(Shutdown::Both).ok();
                } else {
                    to.shutdown(Shutdown::Write).ok();
                }
            });
        }
        Ok(())
    }

    fn hand_on(&self, from: &TcpStream, to: &TcpStream) -> io::Result<()> {
        let (out, into) = pipe()?;
        // Without the right to a larger one, the usual size does.
        fcntl_setpipe_size(&into, PIPE_BYTES).ok();
        loop {
            let mut left = again(|| splice(from, None, &into, None, PIPE_BYTES, flags()))?;
            if left == 0 {
                return Ok(());
            }
            self.0.fetch_add(left as u64, Ordering::Relaxed);
            while left > 0 {
                left -= again(|| splice(&out, None, to, None, left, flags()))?;
            }
        }
    }
}

fn flags() -> SpliceFlags {
    SpliceFlags::MOVE
}

fn again(mut doing: impl FnMut() -> Result<usize, Errno>) -> io::Result<usize> {
    loop {
        match doing() {
            Err(Errno::INTR) => {}
            done => return Ok(done?),
        }
    }
}
