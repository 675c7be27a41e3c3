//! The ladder of experts: when one fails, the next cheaper one takes its regions, and it is said.

use super::{Error, Expert, ExpertInput, ExpertMeter, Patience, Refinement};
use crate::frame::{Degradation, DegradationSet, ExpertKind};

/// An expert that failed in this frame, and what was done about it.
#[derive(Debug, Clone, PartialEq)]
pub struct Failure {
    /// Which.
    pub expert: ExpertKind,
    /// Regions that went to the next one.
    pub regions: usize,
    /// Failures in a row by now.
    pub in_a_row: u32,
    /// It has failed too often in a row and is left alone for some frames.
    pub given_up: bool,
    /// Its error, in words.
    pub cause: String,
}

struct Member<E> {
    expert: E,
    patience: Patience,
}

/// Experts in ladder order (APE, VEE, LPE, then the proposal itself). Regions begin at the expert
/// they were sent to and go down a step when it fails, has been given up or, for an expert that
/// needs it, when they have no image.
///
/// It never fails itself: at the foot of the ladder stands the proposal. Every step down is in
/// [`Refinement::degraded`], every failure with its cause in [`Fallback::failures`].
pub struct Fallback<E> {
    members: Vec<Member<E>>,
    failures: Vec<Failure>,
    /// Positions (in the list of regions) still without an answer, and their steps so far.
    pending: Vec<(usize, DegradationSet)>,
    waiting: Vec<(usize, DegradationSet)>,
    sent: Vec<usize>,
    answers: Vec<Refinement>,
}

/// Height on the ladder: regions only go down.
fn rung(expert: ExpertKind) -> u8 {
    match expert {
        ExpertKind::Ape => 3,
        ExpertKind::Vee => 2,
        ExpertKind::Lpe => 1,
        ExpertKind::Bridge | ExpertKind::Emergency => 0,
    }
}

impl<E: Expert> Fallback<E> {
    /// A ladder of these experts (at most one of each kind; their order does not matter). After
    /// `patience` failures in a row an expert is given up for a while (see [`Patience`]). [`Fallback::reset`] ends that
    /// at once.
    pub fn new(experts: impl IntoIterator<Item = E>, patience: u32) -> Self {
        let mut members: Vec<_> = experts
            .into_iter()
            .map(|expert| Member { expert, patience: Patience::new(patience) })
            .collect();
        members.sort_by_key(|member| std::cmp::Reverse(rung(member.expert.kind())));
        Self {
            members,
            failures: Vec::new(),
            pending: Vec::new(),
            waiting: Vec::new(),
            sent: Vec::new(),
            answers: Vec::new(),
        }
    }

    /// Forgets the failures of the last frame (not the counts in a row). Experts that were given up come a frame
    /// nearer to their next try.
    pub fn begin_frame(&mut self) {
        self.failures.clear();
        self.members.iter_mut().for_each(|member| member.patience.tick());
    }

    /// Failures since [`Fallback::begin_frame`].
    pub fn failures(&self) -> &[Failure] {
        &self.failures
    }

    /// Gives every expert another chance.
    pub fn reset(&mut self) {
        self.members.iter_mut().for_each(|member| member.patience.worked());
    }

    /// Whether an expert of this kind is there and not given up: what the router may count on.
    pub fn is_well(&self, expert: ExpertKind) -> bool {
        self.members.iter().any(|m| m.expert.kind() == expert && m.patience.is_well())
    }

    /// Why an expert is left alone, and for how many frames more; none for one that is well or not there.
    pub fn given_up(&self, expert: ExpertKind) -> Option<String> {
        let member = self.members.iter().find(|member| member.expert.kind() == expert)?;
        member.patience.given_up()
    }

    /// The expert of a kind, if there is one.
    pub fn get(&self, expert: ExpertKind) -> Option<&E> {
        self.members.iter().map(|member| &member.expert).find(|inner| inner.kind() == expert)
    }

    /// All experts, highest first.
    pub fn experts_mut(&mut self) -> impl Iterator<Item = &mut E> {
        self.members.iter_mut().map(|member| &mut member.expert)
    }

    /// Refines regions that were sent to `expert`; appends one refinement a region, in order.
    pub fn refine_from(
        &mut self,
        expert: ExpertKind,
        input: &ExpertInput<'_>,
        regions: &[usize],
        out: &mut Vec<Refinement>,
        meter: &mut ExpertMeter,
    ) {
        let first = out.len();
        let none = DegradationSet::default();
        out.extend(regions.iter().map(|&region| Refinement::proposal(input.scene, region, none)));
        if rung(expert) == 0 {
            return;
        }
        // Room for any plan of so many regions, so that another split between experts allocates nothing.
        let most = input.scene.regions.len();
        self.pending.clear();
        self.pending.reserve(most);
        self.waiting.reserve(most);
        let absent = self.get(expert).is_none();
        let steps = if absent { Degradation::ExpertFailed.into() } else { none };
        self.pending.extend((0..regions.len()).map(|position| (position, steps)));

        for member in &mut self.members {
            if rung(member.expert.kind()) > rung(expert) || self.pending.is_empty() {
                continue;
            }
            if !member.patience.is_well() {
                for (_, steps) in &mut self.pending {
                    steps.insert(Degradation::ExpertFailed);
                }
                continue;
            }
            // Those without an image wait for the next expert.
            self.waiting.clear();
            if member.expert.needs_image() {
                let slots = input.image.map_or(&[][..], |image| &image.slot[..]);
                let waiting = &mut self.waiting;
                self.pending.retain(|&(position, mut steps)| {
                    let seen = slots.get(regions[position]).is_some_and(Option::is_some);
                    if !seen {
                        steps.insert(Degradation::NoCamera);
                        waiting.push((position, steps));
                    }
                    seen
                });
            }
            self.sent.clear();
            self.sent.reserve(most);
            self.sent.extend(self.pending.iter().map(|&(position, _)| regions[position]));
            if !self.sent.is_empty() {
                self.answers.clear();
                self.answers.reserve(most);
                match member.expert.refine(input, &self.sent, &mut self.answers, meter) {
                    Ok(()) => {
                        debug_assert_eq!(self.answers.len(), self.sent.len());
                        // What came too late to be asked has not shown that it works.
                        let late =
                            |answer: &Refinement| answer.degraded.contains(Degradation::Deadline);
                        if !self.answers.iter().all(late) {
                            member.patience.worked();
                        }
                        for (&(position, steps), answer) in self.pending.iter().zip(&self.answers) {
                            let degraded = answer.degraded | steps;
                            out[first + position] = Refinement { degraded, ..*answer };
                        }
                        self.pending.clear();
                    }
                    Err(error) => {
                        let cause = error.to_string();
                        member.patience.failed(&cause);
                        self.failures.push(Failure {
                            expert: member.expert.kind(),
                            regions: self.sent.len(),
                            in_a_row: member.patience.in_a_row(),
                            given_up: !member.patience.is_well(),
                            cause,
                        });
                        for (_, steps) in &mut self.pending {
                            steps.insert(Degradation::ExpertFailed);
                        }
                    }
                }
            }
            self.pending.append(&mut self.waiting);
            self.pending.sort_unstable_by_key(|&(position, _)| position);
        }
        for &(position, steps) in &self.pending {
            let steps = steps | Degradation::ExpertFailed.into();
            out[first + position].degraded = steps;
        }
    }
}

impl<E: Expert> Expert for Fallback<E> {
    /// The highest expert's kind.
    fn kind(&self) -> ExpertKind {
        self.members.first().map_or(ExpertKind::Bridge, |member| member.expert.kind())
    }

    fn batch(&self) -> usize {
        self.members.first().map_or(usize::MAX, |member| member.expert.batch())
    }

    /// From the highest expert down. Always `Ok`.
    fn refine(
        &mut self,
        input: &ExpertInput<'_>,
        regions: &[usize],
        out: &mut Vec<Refinement>,
        meter: &mut ExpertMeter,
    ) -> Result<(), Error> {
        self.refine_from(self.kind(), input, regions, out, meter);
        Ok(())
    }
}
