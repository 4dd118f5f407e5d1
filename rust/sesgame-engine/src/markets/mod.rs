//! Vickrey-Clarke-Groves payments, one file per kind of market.
//!
//! One sign everywhere: a positive payment means that the participant pays. Participant `i` pays
//! what the others lose by its presence, `W(N\i) - sum over j != i of v_j(q*)`: `q*` maximises the
//! reported welfare `W(N)`, and `W(N\i)` is the optimum without `i`, its bid and its resources.

pub mod balanced_core;
pub mod bundle_auction;
pub mod core_selecting;
pub mod misreport;
pub mod network;
pub mod order_book;
