//! What has to hold of everything that strangers send, whatever it is. One module for each thing that
//! is parsed; the fuzzer and the tests of the program ask the same.
#![allow(dead_code, reason = "each target of the fuzzer asks for one of them")]

pub(crate) mod authorization_request;
pub(crate) mod basic_credentials;
pub(crate) mod form;
pub(crate) mod mcp_name;
pub(crate) mod metadata_document;
pub(crate) mod redirect_uri;
pub(crate) mod refusal;
pub(crate) mod registration;
pub(crate) mod token_request;
pub(crate) mod world;

/// Panics, if what has to hold of this input does not.
pub(crate) type Check = fn(&[u8]);

/// Each check, by the name of its target.
pub(crate) const CHECKS: [(&str, Check); 7] = [
    ("authorization_request", authorization_request::check),
    ("basic_credentials", basic_credentials::check),
    ("mcp_name", mcp_name::check),
    ("metadata_document", metadata_document::check),
    ("redirect_uri", redirect_uri::check),
    ("registration", registration::check),
    ("token_request", token_request::check),
];
