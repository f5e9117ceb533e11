//! Per-tool rules: what a call needs, beyond what its route demands.
//!
//! Scopes add up. A scope without an `only` rule is good for every call; one with `only` rules is,
//! of the methods that they name, good for what they name. A call is allowed when one of the
//! token's scopes is good for it, and the token has every scope that a `needs` rule asks for.

use crate::mcp::{Call, Rule, RuleKind};
use crate::oauth::{Scope, ScopeHierarchy};

/// What `needs` rules ask of a call.
#[must_use]
pub fn needed(rules: &[Rule], call: &Call) -> Scope {
    let meant = |rule: &&Rule| rule.kind == RuleKind::Needs && rule.matches(call);
    rules.iter().filter(meant).fold(Scope::default(), |sum, rule| sum.union(&rule.scope))
}

/// What `only` rules leave to be asked for: nothing, when a scope that is held is good for the call;
/// else, of those offered, the one that gives and includes the least, and of several the first in the
/// alphabet.
/// None when there is no such scope.
#[must_use]
pub fn missing(
    rules: &[Rule],
    call: &Call,
    held: &Scope,
    (offered, hierarchy): (&Scope, &ScopeHierarchy),
) -> Option<Scope> {
    let good = |token: &&str| is_good_for(rules, call, token);
    if held.tokens().any(|token| good(&token)) {
        return Some(Scope::default());
    }
    let asked_for_elsewhere = |token: &str| {
        rules.iter().any(|rule| rule.kind == RuleKind::Needs && is_about(rule, token))
    };
    let least = offered.tokens().filter(good).min_by_key(|token| {
        // Made for this call; nothing is said of it; for calls that need more than this one.
        let kind = if limits(rules, call, token).next().is_some() {
            0
        } else {
            1 + u8::from(asked_for_elsewhere(token))
        };
        (kind, hierarchy.included_in(token).tokens().count())
    });
    least.map(Scope::requested)
}

fn is_good_for(rules: &[Rule], call: &Call, token: &str) -> bool {
    let mut limits = limits(rules, call, token).peekable();
    limits.peek().is_none() || limits.any(|rule| rule.matches(call))
}

/// What limits the scope to some calls of this method.
fn limits<'a>(rules: &'a [Rule], call: &'a Call, token: &'a str) -> impl Iterator<Item = &'a Rule> {
    rules.iter().filter(move |rule| {
        rule.kind == RuleKind::Only && is_about(rule, token) && rule.covers_method_of(call)
    })
}

fn is_about(rule: &Rule, token: &str) -> bool {
    rule.scope.tokens().eq([token])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(kind: RuleKind, scope: &str, method: &str, name: &str) -> Rule {
        let offered = Scope::requested("wiki:admin wiki:read wiki:write");
        let names = [name.to_owned()];
        Rule::for_names(kind, scope, Some(method), &names, &offered).unwrap().remove(0)
    }

    fn wiki() -> Vec<Rule> {
        vec![
            rule(RuleKind::Needs, "wiki:admin", "tools/call", "delete_*"),
            rule(RuleKind::Only, "wiki:read", "tools/call", "get_*"),
            rule(RuleKind::Only, "wiki:read", "tools/call", "search"),
        ]
    }

    fn call(method: &str, name: &str) -> Call {
        Call::from_headers(Some("2026-07-28"), Some(method), Some(name)).unwrap()
    }

    #[test]
    fn a_call_needs_what_the_rules_about_it_name() {
        for (method, name, scope) in [
            ("tools/call", "delete_page", "wiki:admin"),
            ("tools/call", "get_page", ""),
            ("prompts/get", "delete_page", ""),
            ("tools/call", "=?base64?ZGVsZXRlX3BhZ2U=?=", "wiki:admin"),
        ] {
            let needed = needed(&wiki(), &call(method, name));
            assert_eq!(needed, Scope::requested(scope), "{method} {name}");
        }
    }

    #[test]
    fn a_limited_scope_is_good_for_what_is_listed_and_for_other_methods() {
        let offered = Scope::requested("wiki:admin wiki:read wiki:write");
        for (method, name, held, asked_for) in [
            ("tools/call", "get_page", "wiki:read", Some("")),
            ("tools/call", "search", "wiki:read", Some("")),
            ("tools/list", "", "wiki:read", Some("")),
            ("tools/call", "edit_page", "wiki:read", Some("wiki:write")),
            ("tools/call", "edit_page", "wiki:read wiki:write", Some("")),
            ("tools/call", "get_page", "", Some("wiki:read")),
        ] {
            let call = if name.is_empty() {
                Call::from_headers(Some("2026-07-28"), Some(method), None).unwrap()
            } else {
                call(method, name)
            };
            let none = ScopeHierarchy::default();
            let found = missing(&wiki(), &call, &Scope::requested(held), (&offered, &none));
            assert_eq!(found, asked_for.map(Scope::requested), "{method} {name} {held}");
        }
    }

    #[test]
    fn an_unrelated_limit_makes_no_scope_the_least() {
        let offered = Scope::requested("wiki:admin wiki:read wiki:write");
        let mut rules = wiki();
        rules.push(rule(RuleKind::Only, "wiki:admin", "prompts/get", "hello"));
        let held = Scope::requested("wiki:read");
        let offer = (&offered, &ScopeHierarchy::default());
        let found = missing(&rules, &call("tools/call", "edit_page"), &held, offer);
        assert_eq!(found, Some(Scope::requested("wiki:write")));
    }

    #[test]
    fn a_scope_made_for_the_call_comes_before_one_of_which_nothing_is_said() {
        let offered = Scope::requested("wiki:all wiki:read");
        let offer = (&offered, &ScopeHierarchy::default());
        let found = missing(&wiki(), &call("tools/call", "get_page"), &Scope::default(), offer);
        assert_eq!(found, Some(Scope::requested("wiki:read")));
    }

    #[test]
    fn of_scopes_that_include_each_other_the_lowest_is_the_least() {
        let offered = Scope::requested("wiki:read wiki:all wiki:write");
        let direct = [("wiki:all".to_owned(), Scope::requested("wiki:write"))].into();
        let hierarchy = ScopeHierarchy::new(&direct).unwrap();
        let (held, edit) = (Scope::requested("wiki:read"), call("tools/call", "edit_page"));
        let found = |hierarchy| missing(&wiki(), &edit, &held, (&offered, hierarchy));
        assert_eq!(found(&hierarchy), Some(Scope::requested("wiki:write")));
        let alphabet = found(&ScopeHierarchy::default());
        assert_eq!(alphabet, Some(Scope::requested("wiki:all")), "nothing is known of them");
    }

    #[test]
    fn a_call_that_no_scope_is_good_for_cannot_be_stepped_up_to() {
        let offered = Scope::requested("wiki:read");
        let offer = (&offered, &ScopeHierarchy::default());
        let found = missing(&wiki(), &call("tools/call", "edit_page"), &offered, offer);
        assert_eq!(found, None);
    }
}
