//! A future that is polled again at once when it asks for that while it is polled.
//!
//! Hyper hands a request's body over within one task: who reads wakes who sends, and the other way round. To the runtime such
//! a task gives way to others, so it goes to the end of the queue and another thread is called to help: a system call and
//! often a move to the other processor, for each request that has a body.

use futures_util::task::AtomicWaker;
use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

/// So often in a row; a future that asks for more gives way to others.
const AT_ONCE: usize = 4;

const ASLEEP: u8 = 0;
const POLLED: u8 = 1;
const WOKEN: u8 = 2;

/// What the inner future wakes.
#[derive(Default)]
struct Bell {
    state: AtomicU8,
    task: AtomicWaker,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.state.swap(WOKEN, Ordering::AcqRel) == ASLEEP {
            self.task.wake();
        }
    }
}

/// A future that goes on at once when it wakes itself.
pub(super) struct Prompt<F> {
    bell: Arc<Bell>,
    waker: Waker,
    inner: Pin<Box<F>>,
}

impl<F> Prompt<F> {
    pub(super) fn new(inner: F) -> Self {
        let bell = Arc::<Bell>::default();
        Self { waker: Arc::clone(&bell).into(), bell, inner: Box::pin(inner) }
    }

    pub(super) fn inner(&mut self) -> Pin<&mut F> {
        self.inner.as_mut()
    }
}

impl<F: Future> Future for Prompt<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let Self { bell, waker, inner } = self.get_mut();
        bell.task.register(cx.waker());
        for _ in 0..AT_ONCE {
            bell.state.swap(POLLED, Ordering::AcqRel);
            let done = inner.as_mut().poll(&mut Context::from_waker(waker));
            if done.is_ready() {
                return done;
            }
            if bell.state.compare_exchange(POLLED, ASLEEP, Ordering::AcqRel, Ordering::Acquire).is_ok() {
                return Poll::Pending;
            }
        }
        bell.state.swap(ASLEEP, Ordering::AcqRel);
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{future::poll_fn, sync::atomic::AtomicUsize};
    use tokio::sync::mpsc;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// Polls, once, a future that wakes itself while it is polled for the first `times`; how often it was polled, and how often
    /// the task was woken.
    fn once(times: usize) -> (usize, usize) {
        let (woken, mut polled) = (Arc::<Count>::default(), 0);
        let mut prompt = Prompt::new(poll_fn(|cx| {
            polled += 1;
            if polled <= times {
                cx.waker().wake_by_ref();
            }
            Poll::<()>::Pending
        }));
        assert!(Pin::new(&mut prompt).poll(&mut Context::from_waker(&Arc::clone(&woken).into())).is_pending());
        drop(prompt);
        (polled, woken.0.load(Ordering::SeqCst))
    }

    #[test]
    fn what_wakes_itself_goes_on_at_once() {
        assert_eq!([0, 1, AT_ONCE - 1].map(once), [(1, 0), (2, 0), (AT_ONCE, 0)]);
    }

    #[test]
    fn what_never_rests_gives_way() {
        assert_eq!([AT_ONCE, 1000].map(once), [(AT_ONCE, 1); 2]);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn no_call_from_another_thread_is_lost() {
        let (ask, mut asked) = mpsc::unbounded_channel::<usize>();
        let (answer, mut answered) = mpsc::unbounded_channel();
        tokio::spawn(Prompt::new(async move {
            while let Some(n) = asked.recv().await {
                tokio::task::yield_now().await;
                answer.send(n).unwrap();
            }
        }));
        for n in 0..20_000 {
            ask.send(n).unwrap();
            let answer = tokio::time::timeout(std::time::Duration::from_secs(10), answered.recv()).await;
            assert_eq!(answer, Ok(Some(n)));
        }
    }
}
