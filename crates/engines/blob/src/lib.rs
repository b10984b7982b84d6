//! Object storage behind one facade.
