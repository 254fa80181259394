//! The children of a container, in order.

use super::edit::Next;
use super::index::Index;
use super::ranks::Ranks;
use super::tree::NONE;
use crate::sys::memory::{self, Fallible, NoMemory};

/// The children of a container.
pub(super) struct Table {
    order: Order,
    /// How many are not removed.
    pub live: u32,
    /// How often a key has been looked for without an index.
    pub searches: u8,
    /// The count in the bytes is no longer right.
    pub recount: bool,
    /// Keys have not been looked through for repeated ones.
    pub unsettled: bool,
    /// What most tables never need.
    more: Option<Box<More>>,
}

#[derive(Default)]
struct More {
    index: Index,
    next: Next,
    ranks: Ranks,
}

/// Nodes in order. Children are listed next to each other, so that a list is kept only after edits.
enum Order {
    Run {
        first: u32,
        len: u32,
    },
    /// NONE where one was removed.
    List(Vec<u32>),
}

impl Default for Table {
    fn default() -> Table {
        Table::run(0, 0)
    }
}

impl Table {
    /// The table of `len` nodes from `first` on.
    pub fn run(first: u32, len: u32) -> Table {
        Table {
            order: Order::Run { first, len },
            live: len,
            searches: 0,
            recount: false,
            unsettled: false,
            more: None,
        }
    }

    /// Make it empty, but for the next free key; gives its list for reuse.
    pub fn clear(&mut self) -> Vec<u32> {
        let Table {
            order, mut more, ..
        } = std::mem::take(self);
        if let Some(more) = &mut more {
            more.index.drop();
            more.ranks.drop();
        }
        self.more = more;
        match order {
            Order::Run { .. } => Vec::new(),
            Order::List(mut list) => {
                list.clear();
                list
            }
        }
    }

    #[inline]
    pub fn len(&self) -> usize {
        match &self.order {
            Order::Run { len, .. } => *len as usize,
            Order::List(list) => list.len(),
        }
    }

    /// Whether places stand in the order that have been removed.
    #[inline]
    pub fn has_gaps(&self) -> bool {
        self.len() != self.live as usize
    }

    /// The first node and the number of nodes, if they stand next to each other and none was removed.
    #[inline]
    pub fn adjoining(&self) -> Option<(u32, u32)> {
        match self.order {
            Order::Run { first, len } => Some((first, len)),
            Order::List(_) => None,
        }
    }

    /// The node at a position; NONE where one was removed.
    #[inline]
    pub fn get(&self, position: usize) -> Option<u32> {
        match &self.order {
            Order::Run { first, len } => {
                (position < *len as usize).then(|| first + position as u32)
            }
            Order::List(list) => list.get(position).copied(),
        }
    }

    /// The node at a position that is there.
    pub fn at(&self, position: usize) -> u32 {
        self.get(position).unwrap_or(NONE)
    }

    /// The nodes that have not been removed.
    pub fn places(&self) -> impl Iterator<Item = u32> {
        (0..self.len())
            .map(|position| self.at(position))
            .filter(|place| *place != NONE)
    }

    /// Put a node at the end; `spare` as for `list`.
    pub fn push(&mut self, node: u32, spare: &mut Vec<u32>) -> memory::Result {
        match &mut self.order {
            Order::Run { first, len } if *len == 0 || *first + *len == node => {
                *first = node - *len;
                *len += 1;
            }
            _ => self.list(spare)?.try_push(node)?,
        }
        self.live += 1;
        if let Some(more) = &mut self.more {
            more.ranks.push();
        }
        Ok(())
    }

    /// Make room for `more` nodes at the end, the first of which is `node`: `push` does not fail then.
    pub fn room(&mut self, node: u32, more: usize, spare: &mut Vec<u32>) -> memory::Result {
        if let Order::Run { first, len } = self.order
            && more == 1
            && (len == 0 || first + len == node)
        {
            return Ok(());
        }
        let list = self.list(spare)?;
        match list.capacity() - list.len() >= more {
            true => Ok(()),
            // As many again, as pushing would.
            false => list.room(more.max(list.len())),
        }
    }

    /// The order as a list of its own, for which `spare` may be used.
    pub fn list(&mut self, spare: &mut Vec<u32>) -> memory::Result<&mut Vec<u32>> {
        if let Order::Run { first, len } = self.order {
            spare.clear();
            spare.room(len as usize)?;
            let mut list = std::mem::take(spare);
            for node in first..first + len {
                list.try_push(node)?;
            }
            self.order = Order::List(list);
        }
        match &mut self.order {
            Order::List(list) => Ok(list),
            Order::Run { .. } => unreachable!("made a list just now"),
        }
    }

    /// Remove the node at a position; `spare` as for `list`.
    pub fn remove(&mut self, position: usize, spare: &mut Vec<u32>) -> memory::Result<u32> {
        let indexed = self.index().is_some();
        let order = self.list(spare)?;
        let node = std::mem::replace(&mut order[position], NONE);
        // Trailing gaps would only be walked over.
        while order.last() == Some(&NONE) && !indexed {
            order.pop();
        }
        let len = order.len();
        self.live -= 1;
        if let Some(more) = &mut self.more {
            more.ranks.remove(position, len);
        }
        Ok(node)
    }

    /// Drop the places of those that have been removed.
    pub fn close_gaps(&mut self) {
        if let Order::List(list) = &mut self.order {
            list.retain(|node| *node != NONE);
        }
        if let Some(more) = &mut self.more {
            more.index.drop();
            more.ranks.drop();
        }
    }

    /// Whether there are more gaps than nodes: closing them costs no more than making them did.
    pub fn is_loose(&self) -> bool {
        self.len() - self.live as usize > self.live as usize
    }

    /// The position of the node number `nth` of those that are there.
    pub fn position(&mut self, nth: usize) -> Option<usize> {
        match self.ranks() {
            Some(ranks) => ranks.position(nth),
            None => (nth < self.len()).then_some(nth),
        }
    }

    /// How many nodes are there before a position.
    pub fn rank(&mut self, position: usize) -> usize {
        match self.ranks() {
            Some(ranks) => ranks.rank(position),
            None => position,
        }
    }

    /// What counts the nodes between the gaps; None if there are no gaps, or none any more.
    fn ranks(&mut self) -> Option<&Ranks> {
        if !self.has_gaps() {
            return None;
        }
        let Table { order, more, .. } = self;
        if let Order::List(list) = order
            && let Ok(more) = made(more)
            && (more.ranks.is_built() || more.ranks.build(list).is_ok())
        {
            return self.more.as_deref().map(|more| &more.ranks);
        }
        self.close_gaps();
        None
    }

    /// A copy of its own.
    pub fn copy(&self) -> memory::Result<Table> {
        let order = match &self.order {
            Order::Run { first, len } => Order::Run {
                first: *first,
                len: *len,
            },
            Order::List(list) => Order::List(memory::copy(list)?),
        };
        let more = match &self.more {
            None => None,
            Some(more) => Some(memory::boxed(More {
                index: more.index.copy()?,
                next: more.next,
                ranks: Ranks::default(),
            })?),
        };
        Ok(Table {
            order,
            more,
            ..*self
        })
    }

    /// Where keys stand, once that has been built.
    pub fn index(&self) -> Option<&Index> {
        self.more
            .as_ref()
            .map(|more| &more.index)
            .filter(|index| index.is_built())
    }

    pub fn index_mut(&mut self) -> memory::Result<&mut Index> {
        Ok(&mut self.more()?.index)
    }

    fn more(&mut self) -> memory::Result<&mut More> {
        made(&mut self.more)
    }

    pub fn drop_index(&mut self) {
        if let Some(more) = &mut self.more {
            more.index.drop();
        }
    }

    /// The next free integer key.
    pub fn next(&self) -> Next {
        self.more.as_ref().map_or(Next::Unknown, |more| more.next)
    }

    pub fn set_next(&mut self, next: Next) -> memory::Result {
        if next != self.next() {
            self.more()?.next = next;
        }
        Ok(())
    }
}

fn made(more: &mut Option<Box<More>>) -> memory::Result<&mut More> {
    if more.is_none() {
        *more = Some(memory::boxed(More::default())?);
    }
    more.as_deref_mut().ok_or(NoMemory)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes all nodes of a table, the one at `at(live)` first each time; gives how many places were gone
    /// through to find them.
    fn take_all(count: u32, at: impl Fn(u32) -> u32) -> (usize, Vec<u32>) {
        let (mut table, mut spare) = (Table::run(0, count), Vec::new());
        let (mut steps, mut taken) = (0, Vec::new());
        while table.live > 0 {
            if table.is_loose() {
                steps += table.len();
                table.close_gaps();
            }
            let is_ranked = |table: &Table| {
                let more = table.more.as_ref();
                more.is_some_and(|more| more.ranks.is_built())
            };
            let before = is_ranked(&table);
            let position = table.position(at(table.live) as usize).unwrap();
            if is_ranked(&table) && !before {
                steps += table.len();
            }
            taken.push(table.remove(position, &mut spare).unwrap());
        }
        (steps, taken)
    }

    #[test]
    fn taking_the_first_again_and_again_does_not_go_through_the_others() {
        for count in [1000, 100_000] {
            let (steps, taken) = take_all(count, |_| 0);
            assert!(taken.iter().copied().eq(0..count));
            assert!(steps <= 4 * count as usize, "{steps} of {count}");
            let (steps, taken) = take_all(count, |live| live - 1);
            assert!(taken.iter().copied().eq((0..count).rev()));
            assert!(steps <= 4 * count as usize, "{steps} of {count}");
            let (steps, _) = take_all(count, |live| live / 3);
            assert!(steps <= 4 * count as usize, "{steps} of {count}");
        }
    }

    #[test]
    fn gaps_are_counted_as_if_they_were_closed() {
        let (mut table, mut spare) = (Table::run(0, 40), Vec::new());
        let mut model: Vec<u32> = (0..40).collect();
        for step in 0..200u32 {
            if step % 3 == 0 {
                table.push(100 + step, &mut spare).unwrap();
                model.push(100 + step);
            }
            let nth = step as usize * 7 % model.len();
            let position = table.position(nth).unwrap();
            assert_eq!(table.at(position), model[nth]);
            assert_eq!(table.rank(position), nth);
            if step % 2 == 0 {
                assert_eq!(table.remove(position, &mut spare), Ok(model.remove(nth)));
            }
            assert_eq!(table.position(model.len()), None);
            assert!(table.places().eq(model.iter().copied()));
        }
    }
}
