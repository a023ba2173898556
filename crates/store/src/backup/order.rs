//! The order in which tables can be filled.

/// `names` so that each comes after those that it refers to (`references`: who refers, to whom). Tables that refer to
/// each other in a circle come last, in the order given.
pub(super) fn by_reference(names: Vec<String>, references: &[(String, String)]) -> Vec<String> {
    let mut ordered: Vec<String> = Vec::with_capacity(names.len());
    let mut left = names;
    while !left.is_empty() {
        let waits = |name: &String| {
            let mut targets = references.iter().filter(|(from, to)| from == name && to != name);
            targets.any(|(_, to)| left.contains(to))
        };
        let (ready, waiting): (Vec<_>, Vec<_>) = left.iter().cloned().partition(|name| !waits(name));
        if ready.is_empty() {
            ordered.extend(waiting);
            break;
        }
        ordered.extend(ready);
        left = waiting;
    }
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ordered(names: &[&str], references: &[(&str, &str)]) -> Vec<String> {
        let references: Vec<_> = references.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
        by_reference(names.iter().map(|name| (*name).to_owned()).collect(), &references)
    }

    #[test]
    fn a_table_comes_after_those_it_refers_to() {
        let references = [("a", "b"), ("b", "c"), ("d", "c")];
        assert_eq!(ordered(&["a", "b", "c", "d"], &references), ["c", "b", "d", "a"]);
    }

    #[test]
    fn a_table_may_refer_to_itself_and_to_strangers() {
        assert_eq!(ordered(&["a", "b"], &[("a", "a"), ("b", "elsewhere")]), ["a", "b"]);
    }

    #[test]
    fn a_circle_ends_and_loses_no_table() {
        assert_eq!(ordered(&["a", "b", "c"], &[("a", "b"), ("b", "a")]), ["c", "a", "b"]);
    }
}
