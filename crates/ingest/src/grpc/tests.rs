//! Every poison with its reason, and how a stream answers.
