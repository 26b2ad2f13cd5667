"""What tests of several floors share: real servers to run against."""
