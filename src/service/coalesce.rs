//! Writes that arrive while one is under way go together in the next. There is no timer: a caller that finds no write under
//! way writes at once, and a busy server shares the cost of commits and round trips. A long queue is written in two
//! halves, so that one is written while the other gets its answers and asks again.

mod pace;

use crate::store::StoreError;
use futures_util::future::BoxFuture;
use pace::Pace;
use std::{
    future::Future,
    io,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};
use tokio::{
    runtime,
    sync::{Semaphore, mpsc, oneshot},
};

/// A caller that would wait longer for the batches ahead is refused at once.
const LONGEST_WAIT: Duration = Duration::from_millis(500);
/// One that has waited longer all the same is not written any more: by then the request would have been answered 503.
const TOO_LATE: Duration = Duration::from_millis(1000);

struct Waiting<I, O> {
    item: I,
    since: Instant,
    answer: Answer<O>,
}

type Answer<O> = oneshot::Sender<Result<O, StoreError>>;

/// Writes items and answers for each in order.
pub(super) type Write<I, O> = Box<dyn Fn(Vec<I>) -> BoxFuture<'static, Vec<Result<O, StoreError>>> + Send + Sync>;

/// Gathers single items into batches, one batch at a time.
pub(super) struct Coalescer<I, O> {
    queue: mpsc::Sender<Waiting<I, O>>,
    pace: Arc<Pace>,
    /// Whoever has it writes. The batches keep it until one was of a single item and nobody waits.
    turn: Arc<Semaphore>,
    alone: Write<I, O>,
}

/// Makes batches on a thread of their own. On one that serves requests, too, the database's answer would wait until those
/// at hand were served, and the database for the next batch. The thread ends when the batches do.
///
/// # Errors
/// When the system has no room for a thread.
pub(super) fn on_a_thread(batches: impl Future<Output = ()> + Send + 'static) -> io::Result<()> {
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    thread::Builder::new().name("batches".into()).spawn(move || runtime.block_on(batches))?;
    Ok(())
}

impl<I: Send + 'static, O: Send + 'static> Coalescer<I, O> {
    /// One that lets `capacity` items wait, and what makes batches of them until the last handle is dropped and the queue
    /// is empty. What finds no write under way is written by `alone` on the task that asks, the batches by `together`.
    pub(super) fn new(
        capacity: usize,
        alone: Write<I, O>,
        together: Write<I, O>,
    ) -> (Self, impl Future<Output = ()> + Send) {
        let (queue, waiting) = mpsc::channel(capacity);
        let (pace, turn) = (Arc::new(Pace::default()), Arc::new(Semaphore::new(1)));
        let batches =
            Batches { waiting, pace: Arc::clone(&pace), turn: Arc::clone(&turn), together, written: Vec::new() };
        (Self { queue, pace, turn, alone }, batches.run())
    }

    /// Waits until `item` was written, alone or with others; refused at once when that would take long.
    pub(super) async fn submit(&self, item: I) -> Result<O, StoreError> {
        if let Ok(_permit) = self.turn.try_acquire() {
            let started = Instant::now();
            let written = (self.alone)(vec![item]).await;
            self.pace.note_if(&written, started.elapsed());
            return written.into_iter().next().unwrap_or_else(given_up);
        }
        let waiting = self.queue.max_capacity() - self.queue.capacity();
        if self.pace.wait_behind(waiting) > LONGEST_WAIT {
            return Err(StoreError::Overloaded);
        }
        let (answer, result) = oneshot::channel();
        let waiting = Waiting { item, since: Instant::now(), answer };
        self.queue.try_send(waiting).map_err(|_| StoreError::Overloaded)?;
        result.await.unwrap_or_else(|_| given_up())
    }
}

impl Pace {
    /// Takes note of a write, unless it waited for what somebody else holds: that says nothing of the next one.
    fn note_if<O>(&self, results: &[Result<O, StoreError>], took: Duration) {
        if !results.iter().any(|result| matches!(result, Err(StoreError::Busy(_)))) {
            self.note(results.len(), took);
        }
    }
}

fn given_up<O>() -> Result<O, StoreError> {
    Err(StoreError::Unavailable("the batch was given up".into()))
}

/// Makes batches of those who wait.
struct Batches<I, O> {
    waiting: mpsc::Receiver<Waiting<I, O>>,
    pace: Arc<Pace>,
    turn: Arc<Semaphore>,
    together: Write<I, O>,
    /// The last batch, until its answers are given.
    written: Vec<(Answer<O>, Result<O, StoreError>)>,
}

impl<I, O> Batches<I, O> {
    async fn run(mut self) {
        let turn = Arc::clone(&self.turn);
        let mut permit = None;
        loop {
            let mut first = None;
            if self.few_wait() {
                let was_alone = self.written.len() < 2;
                send_answers(&mut self.written);
                if was_alone && self.waiting.is_empty() {
                    permit = None;
                }
                first = self.waiting.recv().await;
                if first.is_none() {
                    break;
                }
                if permit.is_none() {
                    permit = turn.acquire().await.ok();
                }
                // Every task that can run does so before this one goes on.
                tokio::task::yield_now().await;
            }
            self.write(first).await;
        }
    }

    /// Whether nearly all who ask were in the last batch: then they are answered first, so that their next requests come along.
    /// Else those who wait need not wait for the answers to the others as well.
    fn few_wait(&self) -> bool {
        self.waiting.len() * 2 < self.written.len().max(1)
    }

    /// Writes the next batch, and answers the last one while the database works.
    async fn write(&mut self, first: Option<Waiting<I, O>>) {
        let asking = self.waiting.len() + usize::from(first.is_some()) + self.written.len();
        let (items, answers) = self.gather(first, self.pace.share(asking));
        if items.is_empty() {
            return;
        }
        let started = Instant::now();
        let (results, ()) = tokio::join!(biased; (self.together)(items), async { send_answers(&mut self.written) });
        self.pace.note_if(&results, started.elapsed());
        self.written.extend(answers.into_iter().zip(results));
    }

    /// Takes at most `most` of those who wait, and answers those who have waited too long.
    fn gather(&mut self, first: Option<Waiting<I, O>>, most: usize) -> (Vec<I>, Vec<Answer<O>>) {
        let (mut items, mut answers) = (Vec::new(), Vec::new());
        let mut next = first.or_else(|| self.waiting.try_recv().ok());
        while let Some(one) = next {
            if one.since.elapsed() > TOO_LATE {
                let _ = one.answer.send(Err(StoreError::Overloaded));
            } else {
                items.push(one.item);
                answers.push(one.answer);
            }
            next = if items.len() < most { self.waiting.try_recv().ok() } else { None };
        }
        (items, answers)
    }
}

/// Answers a batch. Whoever hung up gets no answer; the write stands all the same.
fn send_answers<O>(written: &mut Vec<(Answer<O>, Result<O, StoreError>)>) {
    for (answer, result) in written.drain(..) {
        let _ = answer.send(result);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    };

    /// One that writes alone as it does together, on the test's own thread.
    fn start<F, W>(capacity: usize, write: F) -> Coalescer<u32, u32>
    where
        F: Fn(Vec<u32>) -> W + Send + Sync + Clone + 'static,
        W: Future<Output = Vec<Result<u32, StoreError>>> + Send + 'static,
    {
        let write = || -> Write<u32, u32> {
            let write = write.clone();
            Box::new(move |items| Box::pin(write(items)))
        };
        let (coalescer, batches) = Coalescer::new(capacity, write(), write());
        tokio::spawn(batches);
        coalescer
    }

    #[tokio::test]
    async fn what_arrives_during_a_write_goes_together_in_the_next() {
        let sizes = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&sizes);
        let coalescer = Arc::new(start(64, move |items: Vec<u32>| {
            seen.lock().unwrap().push(items.len());
            async move {
                tokio::time::sleep(std::time::Duration::from_millis(30)).await;
                items.into_iter().map(|n| Ok(n * 2)).collect()
            }
        }));
        let first = tokio::spawn({
            let coalescer = Arc::clone(&coalescer);
            async move { coalescer.submit(1).await }
        });
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        let rest = futures_util::future::join_all((2..12).map(|n| coalescer.submit(n))).await;
        assert_eq!(first.await.unwrap().unwrap(), 2);
        assert_eq!(
            rest.into_iter().map(Result::unwrap).collect::<Vec<_>>(),
            (2..12).map(|n| n * 2).collect::<Vec<_>>()
        );
        assert_eq!(*sizes.lock().unwrap(), [1, 10]);
    }

    #[tokio::test]
    async fn of_many_the_second_half_is_begun_before_the_first_is_answered() {
        let answered = Arc::new(AtomicUsize::new(0));
        let begun = Arc::new(Mutex::new(Vec::new()));
        let (seen, at_begin) = (Arc::clone(&answered), Arc::clone(&begun));
        let coalescer = start(64, move |items: Vec<u32>| {
            let count = items.len();
            let (seen, at_begin) = (Arc::clone(&seen), Arc::clone(&at_begin));
            async move {
                at_begin.lock().unwrap().push((count, seen.load(Ordering::SeqCst)));
                tokio::time::sleep(Duration::from_millis(20)).await;
                items.into_iter().map(Ok).collect()
            }
        });
        (0..9).for_each(|_| coalescer.pace.note(128, Duration::ZERO));
        let busy = coalescer.turn.acquire().await.unwrap();
        let all = (0..64).map(|n| {
            let submitted = coalescer.submit(n);
            let answered = &answered;
            async move {
                assert_eq!(submitted.await.unwrap(), n);
                answered.fetch_add(1, Ordering::SeqCst);
            }
        });
        let all_wait = async {
            tokio::task::yield_now().await;
            drop(busy);
        };
        tokio::join!(biased; futures_util::future::join_all(all), all_wait);
        assert_eq!(*begun.lock().unwrap(), [(32, 0), (32, 0)]);
    }

    #[tokio::test]
    async fn who_hangs_up_while_written_alone_stops_nobody() {
        let coalescer = Arc::new(start(64, |items: Vec<u32>| async move {
            tokio::time::sleep(Duration::from_secs(if items == [1] { 3600 } else { 0 })).await;
            items.into_iter().map(Ok).collect()
        }));
        let submit = |n: u32| {
            let coalescer = Arc::clone(&coalescer);
            tokio::spawn(async move { coalescer.submit(n).await })
        };
        let (first, second) = (submit(1), submit(2));
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert!(!second.is_finished());
        first.abort();
        for n in [second, submit(3)] {
            let done = tokio::time::timeout(Duration::from_secs(5), n).await;
            assert!(matches!(done, Ok(Ok(Ok(2 | 3)))));
        }
    }

    #[tokio::test]
    async fn past_the_bound_it_refuses_at_once() {
        let coalescer = Arc::new(start(2, |items: Vec<u32>| async move {
            tokio::time::sleep(std::time::Duration::from_secs(5)).await;
            items.into_iter().map(Ok).collect()
        }));
        // One is written, one is the first of the next batch, two wait behind it.
        for n in 0..4 {
            let coalescer = Arc::clone(&coalescer);
            tokio::spawn(async move { coalescer.submit(n).await });
            tokio::task::yield_now().await;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        let refused = tokio::time::timeout(std::time::Duration::from_millis(50), coalescer.submit(9)).await;
        assert!(matches!(refused, Ok(Err(StoreError::Overloaded))));
    }

    #[tokio::test]
    async fn what_waited_too_long_is_refused_and_never_written() {
        let written = Arc::new(Mutex::new(Vec::<u32>::new()));
        let seen = Arc::clone(&written);
        let coalescer = Arc::new(start(64, move |items: Vec<u32>| {
            seen.lock().unwrap().extend(&items);
            async move {
                tokio::time::sleep(TOO_LATE + Duration::from_millis(100)).await;
                items.into_iter().map(Ok).collect()
            }
        }));
        let submit = |n: u32, after: Duration| {
            let coalescer = Arc::clone(&coalescer);
            async move {
                tokio::time::sleep(after).await;
                coalescer.submit(n).await
            }
        };
        let [early, late] = [Duration::from_millis(20), TOO_LATE];
        let (first, second, third) = tokio::join!(submit(1, Duration::ZERO), submit(2, early), submit(3, late));
        assert_eq!(first.unwrap(), 1);
        assert!(matches!(second, Err(StoreError::Overloaded)));
        assert_eq!(third.unwrap(), 3);
        assert_eq!(*written.lock().unwrap(), [1, 3]);
    }
}
