//! Clearing and payments, one file for each kind of market or payment rule: order books, networks and
//! auctions of bundles; Vickrey-Clarke-Groves, core-selecting and balanced core payments.
//!
//! One sign everywhere: a positive payment means that the participant pays. Participant `i` pays
//! what the others lose by its presence, `W(N\i) - sum over j != i of v_j(q*)`: `q*` maximises the
//! reported welfare `W(N)`, and `W(N\i)` is the optimum without `i`, its bid and its resources.

pub mod assignment;
pub mod balanced_core;
pub mod book_coalitions;
pub mod book_search;
pub mod bundle_auction;
mod bundle_search;
pub mod core_selecting;
pub mod matching_core;
pub mod matching_nucleolus;
pub mod misreport;
mod near_balance;
pub mod network;
pub mod order_book;
mod units;
