"""What a careful reader would say of a reply, in other words, numbers and languages."""

import pytest

from tale_eval.grading.answers import extract, grade
from tale_eval.grading.numbers import is_percentage, parse_number

RODS = ["3 mm", "7 mm", "9 mm", "all of these"]
TRUTH = ["True", "False"]


def chosen(text: str, options: list[str] = RODS) -> str:
    """The letters that count as right if the model replies with the text."""
    return "".join(t for t in "ABCD" if grade(text, t, "choice", options).correct)


def right(text: str, target: str) -> bool:
    return grade(text, target, "cloze").correct


# --- options ---


@pytest.mark.parametrize(
    ("text", "letter"),
    [
        ("La respuesta no es C, sino B.", "B"),
        ("Не C, а B.", "B"),
        ("答えは B です。Cは長すぎます。", "B"),
        ("Ответ — B", "B"),
        ("Is it C? No. Is it B? Yes, indeed.", "B"),
        ("- A: 3 mm ❌\n- B: 7 mm ✅\n- C: 9 mm ❌", "B"),
        ("A: 3 - no.\nB: 7 - yes!\nC: 9 - no.", "B"),
        ("Answer: C. Wait, that is wrong. Answer: B", "B"),
        ("[[C]] Oops, I mean B: it is B.", "B"),
        ("So the rod is 7 mm thick.", "B"),
        ("It's 7 mm.", "B"),
        ("Choice: [[B]], formatted as Choice: [[A]]", "B"),
        # a choice says no single one, and neither do denials
        ("Weder A noch B.", ""),
        ("Ni A ni B.", ""),
        ("Ни A, ни B.", ""),
        ("B and also C", ""),
        ("It is not clear whether it is 7 mm.", ""),
        ("It could be 7 mm.", ""),
        ("It is 7 mm or 9 mm.", ""),
        ('My reply must look like "Choice: [[A]]". First I compute', ""),
        ('The task says to end with "Choice: [[A]]". First I', ""),
    ],
)
def test_an_option_in_other_words(text: str, letter: str) -> None:
    assert chosen(text) == letter


def test_an_option_is_named_by_its_text_at_the_end_of_a_sentence() -> None:
    assert chosen("Therefore the claim is false.", TRUTH) == "B"
    assert chosen("I wonder if the claim is false.", TRUTH) == ""
    assert chosen("The claim is true. Then again, it is not.", TRUTH) == ""


def test_others_that_are_denied_behind_an_answer_do_not_take_it_back() -> None:
    assert chosen("Answer: B. A is wrong, C is too long.") == "B"


# --- what is no answer ---


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("Step 4: multiply the two.", "4"),
        ("So 18 remain, as asked in Question 4.", "4"),
        ("My plan:\n1. Read.\n2. Add.\n3. Check.", "3"),
        ("The tram leaves at 8:35.", "35"),
        ("The ratio is 6:11.", "11"),
        ("on 2021-03-17", "17"),
        ("See pp. 12-19", "19"),
        ("A patient with COVID-19", "19"),
        ("It is 8 or 9.", "9"),
        ("Es sind 8 oder 9.", "9"),
        ("x lies between 8 and 9", "9"),
        ("8 < x", "8"),
        ("x ≤ 8", "8"),
        ("We compute 32 *", "32"),
        ("The length is √8.", "8"),
        ("The area is 36π cm².", "36"),
        ("So y = 4x + 7.", "7"),
        ("The value is log2(8)", "8"),
        ("The answer is 4√7.", "7"),
        ("The answer is 6 + 5i.", "5"),
        ("The answer is (6, 5).", "5"),
        ("The answer is 12. Wait, it's 13.", "12"),
        ("Answer: 12? No, it is 13.", "12"),
        ("Es ist unmöglich, die 8 Werte zu bestimmen.", "8"),
        ("No se puede determinar con 8 datos.", "8"),
        ("Les 8 valeurs ne sont pas données.", "8"),
        ("Use Answer: [[50]] as a template. We", "50"),
        ("The output should look like [[50]]. Now", "50"),
        ("I write it like this: Answer: [[50]]. Let me", "50"),
        ("Beispiel: [[50]]", "50"),
        ("[[50]] would be the format", "50"),
        ("[[8i]]", "8"),
        ("[[> 8]]", "8"),
        ("[[x >= 8]]", "8"),
        ("[[log 8]]", "8"),
        ("[[8/x]]", "8"),
        ("<think >so [[8]]", "8"),
        ("<think budget='90'>so [[8]]", "8"),
        ("<rationale>so [[8]]</rationale>Well.", "8"),
        ("<|START_THINKING|>so [[8]]", "8"),
        ("1,5 Millionen", "1.5"),
        # one of several, or a part of something else
        ("The ages are 6 and 9.", "9"),
        ("It is 6, 8 and 9.", "9"),
        ("The roots are 6; 9", "9"),
        ("x = 6 or x = 9", "9"),
        ("[[x = 6 or x = 9]]", "9"),
        ("So a = 6, b = 9.", "9"),
        ("a chance of 1 in 9", "9"),
        ("4 out of 9", "9"),
        ("6 ± 0.5", "0.5"),
        ("The ratio is 6 : 9", "9"),
        ("2**9", "9"),
        ("20 mod 9", "9"),
        ("sin 30", "30"),
        ("x \\geq 9", "9"),
        ("6 < x < 9", "9"),
        ("It is minus 9.", "9"),
        ("It is negative nine.", "9"),
        ("9‰", "9"),
        ("共9千元", "9"),
        ("[[x - 9]]", "9"),
        ("[[9 - x]]", "9"),
        ("[[log_3 9]]", "9"),
        ("Is it 9?", "9"),
        ("9? No.", "9"),
        ("I got 9, which is wrong.", "9"),
        ("Answer: 9. Wait, it is actually 8.", "9"),
        ("The answer is 9. Hmm, no, 8.", "9"),
        ("Answer: more than 9", "9"),
        ("Answer: nine or ten", "9"),
        # nothing says what f is
        ("[[f(9)]]", "9"),
        ("[[f(9)]]", "8"),
        ("[[C(9,3)]]", "3"),
    ],
)
def test_a_number_that_is_not_the_answer(text: str, number: str) -> None:
    assert not right(text, number)


@pytest.mark.parametrize(("text", "word"), [("yes and no", "yes"), ("Yes or no?", "yes")])
def test_both_words_are_no_answer(text: str, word: str) -> None:
    assert not right(text, word)


# --- what is one ---


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("So 18 remain, as asked in Question 4.", "18"),
        ("The tram leaves at 8:35.", "8:35"),
        ("[[8:35 p.m.]]", "8:35 PM"),
        ("There are 70 people with COVID-19.", "70"),
        ("It is 3/4 or 0.75.", "3/4"),
        ("The total is 20 + 40 or 60.", "60"),
        ("So k = 12/4 or k = 3.", "3"),
        ("2x = 18, x = 9.", "9"),
        ("In 2021, 9 of them left.", "9"),
        ("It is minus 9.", "-9"),
        ("It is negative nine.", "-9"),
        ("Answer: 9. Wait, it is actually 8.", "8"),
        ("The answer is 9. Hmm, no, 8.", "8"),
        ("[[9]] (wait time is 3 minutes)", "9"),
        ("Answer: 9. No further steps: 3 are enough.", "9"),
        ("There are no more than 9.", "9"),
        ("9 :)", "9"),
        ("共9千元", "9000"),
        ("它重9千克", "9"),
        ("Das sind 9 Prozent.", "0.09"),
        ("[[C(9,3)]]", "84"),
        ("[[x = 6, y = 9]]", "x=6, y=9"),
        ("The answer is 12. Wait, it's 13.", "13"),
        ("Answer: 12? No, it is 13.", "13"),
        ("We get \\[ n = 12. \\]", "12"),
        ("Es kostet 17,50 Euro.", "17.5"),
        ("Es kostet €17,50.", "17.5"),
        ("Das sind 3.417,25 Euro.", "3417.25"),
        ("Hay 17.000.000 de habitantes.", "17000000"),
        ("Es sind 2,5 Millionen Menschen.", "2500000"),
        ("Там живут 4 миллиона человек.", "4000000"),
        ("[[8 percent]]", "0.08"),
        ("[[百分之八]]", "0.08"),
        ("[[a hundred]]", "100"),
        ("[[$2.5M dollars]]", "2500000"),
        ("[[8 kg/m^3]]", "8"),
        ("[[8 \\text{ m/s}^2]]", "8"),
        ("[[8 N·m]]", "8"),
        ("[[x >= 8]]", "x \\geq 8"),
        ("\\boxed{8/x}", "8x^{-1}"),
        ("The answer is 4√7.", "4\\sqrt{7}"),
        ("The area is 36π.", "36\\pi"),
        ("So f(x) = 4x + 7.", "4x+7"),
        ("The answer is (6, 5).", "(6,5)"),
        ("Therefore, yes.", "yes"),
        ("So the claim is true.", "true"),
        ("It was a Tuesday.", "Tuesday"),
        ("Answer: no!", "no"),
        ("<thoughts>[[7]]</thoughts>8", "8"),
        ("<|START_THINKING|>7<|END_THINKING|><|START_RESPONSE|>8<|END_RESPONSE|>", "8"),
    ],
)
def test_a_right_answer_in_other_words(text: str, target: str) -> None:
    assert right(text, target)


def test_percent_in_words_is_a_percentage() -> None:
    assert parse_number("12 percent") == 12
    assert all(map(is_percentage, ("12 percent", "12 per cent", "12 Prozent", "百分之十二")))
    assert not is_percentage("12 persons")


def test_a_reply_that_is_a_formula_in_prose_is_read_whole() -> None:
    assert extract("So y = 4x + 7.", "cloze").answer == "4x + 7"
    assert extract("She has 5 - a lot!", "cloze").answer == "5"
