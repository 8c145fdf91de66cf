//! Links to friends' hives: who is at the other end, what each side still lacks, and content on
//! its way. Knows no feature: the hive gives it something to offer and somebody to hand on to.
