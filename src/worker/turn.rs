//! Places for accounts that are busy, and turns: who has a long backlog gives its place up between two batches when others
//! wait for one.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::source::Interrupt;

/// A number of places, given out in order of arrival.
pub struct Room {
    places: Arc<Semaphore>,
    size: AtomicUsize,
    waiting: AtomicUsize,
}

impl Room {
    /// With so many places.
    pub fn new(places: usize) -> Arc<Self> {
        let (size, waiting) = (AtomicUsize::new(places.max(1)), AtomicUsize::new(0));
        Arc::new(Self { places: Arc::new(Semaphore::new(places.max(1))), size, waiting })
    }

    /// Has so many places from now on. Nobody is thrown out.
    pub fn resize(&self, places: usize) {
        let places = places.max(1);
        let before = self.size.swap(places, Ordering::Relaxed);
        self.places.add_permits(places.saturating_sub(before));
        let (gone, too_many) = (Arc::clone(&self.places), before.saturating_sub(places));
        if too_many > self.places.forget_permits(too_many) {
            // Those in the room leave it one after the other.
            let left = u32::try_from(too_many).unwrap_or(u32::MAX);
            tokio::spawn(async move {
                if let Ok(places) = gone.acquire_many(left).await {
                    places.forget();
                }
            });
        }
    }

    async fn enter(&self) -> Option<OwnedSemaphorePermit> {
        let _waits = Waits::new(&self.waiting);
        Arc::clone(&self.places).acquire_owned().await.ok()
    }

    fn is_wanted(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) > 0
    }
}

/// Counts who waits, also who gives up.
struct Waits<'a>(&'a AtomicUsize);

impl<'a> Waits<'a> {
    fn new(waiting: &'a AtomicUsize) -> Self {
        waiting.fetch_add(1, Ordering::Relaxed);
        Self(waiting)
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The place of one account, if it has one. Outside a room there is always a place. Cheap to clone.
#[derive(Clone, Default)]
pub struct Turn {
    place: Option<Arc<Place>>,
    waits: Arc<AtomicUsize>,
}

struct Place {
    room: Arc<Room>,
    held: Mutex<Option<OwnedSemaphorePermit>>,
}

impl Turn {
    /// In this room.
    pub fn of(room: &Arc<Room>) -> Self {
        let place = Arc::new(Place { room: Arc::clone(room), held: Mutex::default() });
        Self { place: Some(place), waits: Arc::default() }
    }

    /// Waits for a place, which is kept until what this gives is dropped.
    pub async fn take(&self) -> Taken {
        if let Some(place) = &self.place {
            place.hold(self.queue(place.room.enter()).await);
        }
        Taken(self.clone())
    }

    /// Lets those who wait go first, and waits for the next place.
    pub async fn pass(&self) {
        if let Some(place) = self.place.as_ref().filter(|place| place.is_held() && place.room.is_wanted()) {
            place.hold(None);
            place.hold(self.queue(place.room.enter()).await);
        }
    }

    /// Whether the account waits for others, and can do nothing about it.
    pub fn is_waiting(&self) -> bool {
        self.waits.load(Ordering::Relaxed) > 0
    }

    /// Waits for others.
    pub async fn queue<T>(&self, wait: impl Future<Output = T>) -> T {
        let _waits = Waits::new(&self.waits);
        wait.await
    }
}

impl Interrupt for Turn {
    /// Whether others wait while this one is busy.
    fn is_due(&self) -> bool {
        self.place.as_ref().is_some_and(|place| place.room.is_wanted())
    }
}

impl Place {
    fn hold(&self, permit: Option<OwnedSemaphorePermit>) {
        *self.held.lock().unwrap_or_else(PoisonError::into_inner) = permit;
    }

    fn is_held(&self) -> bool {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }
}

/// A place that is taken; dropped, it is given up.
pub struct Taken(Turn);

impl Drop for Taken {
    fn drop(&mut self) {
        if let Some(place) = &self.0.place {
            place.hold(None);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The most by which two of `accounts` were apart while all of them had work, over `rounds` pieces of work each.
    async fn widest_gap(places: usize, accounts: usize, rounds: usize) -> usize {
        let room = Room::new(places);
        let done = Arc::new(Mutex::new(vec![0_usize; accounts]));
        let widest = Arc::new(Mutex::new(0));
        let mut tasks = tokio::task::JoinSet::new();
        for account in 0..accounts {
            let (turn, done, widest) = (Turn::of(&room), Arc::clone(&done), Arc::clone(&widest));
            tasks.spawn(async move {
                let _place = turn.take().await;
                for _ in 0..rounds {
                    tokio::task::yield_now().await;
                    {
                        let mut done = done.lock().unwrap();
                        done[account] += 1;
                        let gap = done.iter().max().unwrap() - done.iter().min().unwrap();
                        let mut widest = widest.lock().unwrap();
                        *widest = gap.max(*widest);
                    }
                    turn.pass().await;
                }
            });
        }
        tasks.join_all().await;
        assert_eq!(room.places.available_permits(), places);
        assert!(done.lock().unwrap().iter().all(|done| *done == rounds));
        *widest.lock().unwrap()
    }

    #[tokio::test]
    async fn backlogs_get_on_side_by_side() {
        // All of them are there before the first gives its place up.
        assert!(widest_gap(2, 20, 50).await <= 2);
        assert!(widest_gap(1, 7, 30).await <= 2);
    }

    #[tokio::test]
    async fn who_is_alone_keeps_the_place_and_who_gives_up_waiting_is_not_waited_for() {
        let room = Room::new(1);
        let (one, other) = (Turn::of(&room), Turn::of(&room));
        let place = one.take().await;
        assert!(!one.is_due());
        one.pass().await;
        {
            let waits = other.take();
            let mut waits = std::pin::pin!(waits);
            assert!(futures::poll!(&mut waits).is_pending());
            assert!(one.is_due());
        }
        assert!(!one.is_due());
        drop(place);
        assert_eq!(room.places.available_permits(), 1);
        // A task that is dropped while it waits for its next place holds none.
        let place = one.take().await;
        let next = other.take();
        let mut next = std::pin::pin!(next);
        assert!(futures::poll!(&mut next).is_pending());
        {
            let passes = one.pass();
            let mut passes = std::pin::pin!(passes);
            assert!(futures::poll!(&mut passes).is_pending());
        }
        drop(place);
        drop(next.await);
        assert_eq!(room.places.available_permits(), 1);
    }

    #[tokio::test]
    async fn a_room_changes_its_size_while_it_is_full() {
        let room = Room::new(3);
        let turns: Vec<Turn> = (0..3).map(|_| Turn::of(&room)).collect();
        let mut taken = Vec::new();
        for turn in &turns {
            taken.push(turn.take().await);
        }
        room.resize(1);
        tokio::task::yield_now().await;
        taken.truncate(1);
        for _ in 0..4 {
            tokio::task::yield_now().await;
        }
        assert_eq!(room.places.available_permits(), 0);
        taken.clear();
        assert_eq!(room.places.available_permits(), 1);
        room.resize(2);
        assert_eq!(room.places.available_permits(), 2);
    }
}
