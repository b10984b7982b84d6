//! Project tasks: `cargo xtask codegen|tidy|coverage|conformance|bench`.

fn main() {}
