//! Scopes that include others: MCP 2026-07-28, authorization, "Runtime Insufficient Scope Errors"
//! (servers account for the hierarchy of their scopes).
//!
//! A scope is followed to all that it includes when it is granted, and when it is set as a limit. From
//! then on both are plain sets that are compared token by token, here and in MCP servers, which know
//! nothing of the hierarchy. So what somebody has said yes to does not grow when it is edited later.

use std::collections::BTreeMap;

use super::Scope;

/// Which scope includes which others. Whatever is not named includes nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ScopeHierarchy {
    /// All that a scope includes, however far down.
    included: BTreeMap<String, Scope>,
}

/// Scopes that include each other: the way round, ending where it began.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("goes round in a circle: {}", .0.join(" includes "))]
pub struct Circle(pub Vec<String>);

impl ScopeHierarchy {
    /// From what each scope includes directly.
    ///
    /// # Errors
    /// When a scope includes itself, by whatever way.
    pub fn new(direct: &BTreeMap<String, Scope>) -> Result<Self, Circle> {
        let mut hierarchy = Self::default();
        for token in direct.keys() {
            hierarchy.follow(token, direct, &mut vec![])?;
        }
        Ok(hierarchy)
    }

    /// The scope with all that it includes.
    #[must_use]
    pub fn expand(&self, scope: &Scope) -> Scope {
        let included = scope.tokens().filter_map(|token| self.included.get(token));
        included.fold(scope.clone(), |sum, more| sum.union(more))
    }

    /// What no other of these tokens includes: enough to name them all.
    #[must_use]
    pub fn top(&self, scope: &Scope) -> Scope {
        let included = scope.tokens().filter_map(|token| self.included.get(token));
        let included = included.fold(Scope::default(), |sum, more| sum.union(more));
        scope.without(&included)
    }

    /// All that this one includes, without itself.
    #[must_use]
    pub fn included_in(&self, token: &str) -> Scope {
        self.included.get(token).cloned().unwrap_or_default()
    }

    /// Whether nothing includes anything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.included.is_empty()
    }

    /// Finds what `token` includes, after what that includes. `way` led to it.
    fn follow(
        &mut self,
        token: &str,
        direct: &BTreeMap<String, Scope>,
        way: &mut Vec<String>,
    ) -> Result<Scope, Circle> {
        if let Some(known) = self.included.get(token) {
            return Ok(known.clone());
        }
        if let Some(start) = way.iter().position(|passed| passed == token) {
            let round = way[start..].iter().cloned().chain([token.to_owned()]);
            return Err(Circle(round.collect()));
        }
        let Some(below) = direct.get(token) else { return Ok(Scope::default()) };
        way.push(token.to_owned());
        let mut all = below.clone();
        for next in below.tokens() {
            all = all.union(&self.follow(next, direct, way)?);
        }
        way.pop();
        self.included.insert(token.to_owned(), all.clone());
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hierarchy(direct: &[(&str, &str)]) -> Result<ScopeHierarchy, Circle> {
        let pair = |(token, below): &(&str, &str)| ((*token).to_owned(), Scope::requested(below));
        ScopeHierarchy::new(&direct.iter().map(pair).collect())
    }

    #[test]
    fn a_scope_includes_whatever_lies_below_it() {
        let hierarchy =
            hierarchy(&[("write", "read"), ("admin", "write audit"), ("owner", "admin")]).unwrap();
        for (scope, expanded, top) in [
            ("read", "read", "read"),
            ("write", "read write", "write"),
            ("admin", "admin audit read write", "admin"),
            ("owner", "admin audit owner read write", "owner"),
            ("audit write", "audit read write", "audit write"),
            ("read files", "files read", "files read"),
            ("", "", ""),
        ] {
            let found = hierarchy.expand(&Scope::requested(scope));
            assert_eq!(found, Scope::requested(expanded), "{scope}");
            assert_eq!(hierarchy.top(&found), Scope::requested(top), "{scope}");
        }
    }

    #[test]
    fn what_was_left_out_on_the_way_is_named_for_itself() {
        let hierarchy = hierarchy(&[("admin", "write"), ("write", "read")]).unwrap();
        let limited = Scope::requested("admin read");
        assert_eq!(hierarchy.top(&limited), Scope::requested("admin"));
        let lower = Scope::requested("read write");
        assert_eq!(hierarchy.top(&lower), Scope::requested("write"));
    }

    #[test]
    fn circles_are_refused_and_the_way_round_is_told() {
        for (direct, round) in [
            (vec![("read", "read")], "read includes read"),
            (vec![("a", "b"), ("b", "c"), ("c", "a")], "a includes b includes c includes a"),
            (vec![("a", "b"), ("b", "c"), ("c", "b")], "b includes c includes b"),
        ] {
            let error = hierarchy(&direct).unwrap_err();
            assert_eq!(error.to_string(), format!("goes round in a circle: {round}"));
        }
    }

    #[test]
    fn two_ways_to_one_scope_are_no_circle() {
        let diamond = hierarchy(&[("top", "left right"), ("left", "low"), ("right", "low")]);
        let found = diamond.unwrap().expand(&Scope::requested("top"));
        assert_eq!(found, Scope::requested("left low right top"));
    }
}
