//! How many accounts a worker takes and gives away. Pure.
//!
//! Everybody computes with the same few numbers, and nobody talks to anybody. Whoever has more than anyone should have
//! gives away what is too much; what is free goes to those below their share. So a worker that joins gets its share, one
//! move for each account of it, and shares that differ by one are left alone.

use uuid::Uuid;

/// What a worker does about its number of accounts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Step {
    /// Free accounts to take.
    pub(super) take: usize,
    /// Accounts to give away.
    pub(super) give: usize,
}

/// What `me` does where these workers, by identifier, hold so many accounts each, and `free` are held by nobody.
pub(super) fn balance(me: Uuid, workers: &[(Uuid, usize)], free: usize) -> Step {
    let Ok(rank) = workers.binary_search_by_key(&me, |(worker, _)| *worker) else { return Step::default() };
    let held = workers.get(rank).map_or(0, |(_, held)| *held);
    let total = free + workers.iter().map(|(_, held)| held).sum::<usize>();
    // The first so many have one more than the others.
    let (least, first) = (total / workers.len(), total % workers.len());
    let most = least + usize::from(first > 0);
    let share = |rank: usize| least + usize::from(rank < first);
    let give = held.saturating_sub(most);
    if give > 0 || held < most || most == least || rank < first {
        return Step { take: free.min(share(rank).saturating_sub(held)), give };
    }
    // Nobody has too much, and still somebody may have too little: then some of those give one whose share is the smaller.
    let missing: usize = workers.iter().map(|(_, held)| least.saturating_sub(*held)).sum();
    let coming: usize = free + workers.iter().map(|(_, held)| held.saturating_sub(most)).sum::<usize>();
    let alike = workers.iter().take(rank).skip(first).filter(|(_, held)| *held >= most).count();
    Step { take: 0, give: usize::from(alike < missing.saturating_sub(coming)) }
}

#[cfg(test)]
#[path = "balance_tests.rs"]
mod tests;
