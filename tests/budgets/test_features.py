"""What of a question an estimate rests on."""

import math

import numpy as np
import pytest
from hypothesis import given, strategies as st
from needs import question, texts
from sklearn.feature_extraction.text import TfidfVectorizer

from tale_eval.asking.question import Question
from tale_eval.budgets.features import Encoding, Seen, as_arrays, as_matrix, plain, scripts, words

ENGLISH = [question(text) for text in texts("by topic", 60)]


def test_words_are_counted_as_a_reader_sees_them() -> None:
    assert words("Tom's 1,250 boxes, 3.5 kg!") == ["tom", "s", "#4", "boxes", "#2", "kg"]
    assert words("小明有12个苹果") == [*"小明有", "#2", *"个苹果"]


def test_the_plain_features_worked_by_hand() -> None:
    asked = Question("Ann has 3 + 40. Now?\nA. 43\nB. 7", "choice", "cn", "bracketed")
    found = plain(asked)
    # Ann has 3 40 Now A 43 B 7: 9 words; numbers 3, 40, 43, 7; digits 1 + 2 + 2 + 1; two
    # sentences' ends and one stop behind each option's letter, 4 in all
    counts = [9, len(asked.text), 4, 4, 4, 6, 2, 1]
    assert found == pytest.approx(
        [*map(math.log1p, counts), math.log10(44), 1, 1, 9, 4, 1, 44], rel=1e-12
    )


@given(st.text())
def test_any_text_has_finite_features(text: str) -> None:
    asked = question(text)
    encoding = Encoding.learn(ENGLISH)
    assert np.isfinite(encoding.matrix([asked]).toarray()).all()
    assert Seen.learn(ENGLISH).unlike(asked) in (True, False)


def test_tfidf_is_scikit_learns() -> None:
    """The same numbers, without scikit-learn: a fitted estimator does not need it."""
    said = [q.text for q in ENGLISH]
    vectorizer = TfidfVectorizer(analyzer=words, min_df=2, sublinear_tf=True)
    expected = vectorizer.fit_transform(said).toarray()
    encoding = Encoding.learn(ENGLISH)
    assert encoding.arrays["words"].tolist() == vectorizer.get_feature_names_out().tolist()
    assert encoding.text(ENGLISH).toarray() == pytest.approx(expected)


def test_plain_features_stay_within_what_was_learnt_from() -> None:
    """A regression must not run away with a question a thousand times as long."""
    long = question(" ".join(["What is 5 plus 5?"] * 2000))
    encoding = Encoding.learn(ENGLISH)
    highest = encoding.plain(ENGLISH).max(axis=0)
    assert (encoding.plain([long]) <= highest + 1e-9).all()


def test_a_matrix_is_kept_as_plain_arrays() -> None:
    found = Encoding.learn(ENGLISH).matrix(ENGLISH)
    again = as_matrix(as_arrays(found, "known"), "known")
    assert (again != found).nnz == 0
    assert as_matrix(as_arrays(found.toarray(), "known"), "known") == pytest.approx(found.toarray())


def test_scripts_are_told_apart() -> None:
    assert scripts("What is 2 + 2?") == {"LATIN"}
    assert scripts("小明有几个苹果") == {"CJK"}
    assert scripts("Сколько будет") == {"CYRILLIC"}
    assert scripts("5 + 5 =") == set()


STORIES = [
    "A baker fills 6 trays with 14 rolls each and sells 50 of them. How many rolls are left?",
    "Ruth reads 20 pages on Monday and twice as many on Tuesday. How many pages does she read?",
    "A train has 8 cars, and in each of them are 45 seats. How many people can sit in the train?",
    "Omar saves 3 dollars a day for a bike that costs 90 dollars. How many days does he need?",
    "There are 24 chairs in a hall, and they stand in 4 rows. How many chairs are in each row?",
    "Lena buys 5 tickets for 12 dollars each and pays with 100 dollars. How much is left for her?",
    "A tank holds 300 liters and loses 15 liters an hour. How many hours does it take to be empty?",
    "Max has 40 cards and gives half of them to his sister. How many cards does he have left?",
    "A farmer picks 9 baskets of apples with 30 in each. How many apples does he pick in all?",
    "In a class of 28 students, a quarter plays the piano. How many students of the class do not?",
    "Ida walks 2 miles to school and back on each of 5 days. How many miles does she walk in all?",
    "A store sells 35 lamps in a week and 20 more in the next one. How many lamps does it sell?",
]

OTHER_LANGUAGES = [
    "Un boulanger remplit 6 plateaux de 14 pains et en vend 50. Combien de pains reste-t-il ?",
    "Ruth liest am Montag 20 Seiten und am Dienstag doppelt so viele. Wie viele Seiten sind das?",
    "Omar ahorra 3 dólares al día para una bicicleta que cuesta 90. ¿Cuántos días necesita?",
    "小明有12个苹果，他吃了3个。还剩几个苹果？",
    "У фермера 9 корзин по 30 яблок в каждой. Сколько всего яблок он собрал?",
    "كم تفاحة بقيت مع أحمد؟",
]


def test_a_question_in_another_language_than_any_that_was_fitted_is_told() -> None:
    seen = Seen.learn([question(text) for text in STORIES])
    assert [seen.unlike(question(text)) for text in OTHER_LANGUAGES] == [True] * 6
    for text in STORIES:
        assert not seen.unlike(question(text))
    fresh = "Sara has 12 books and buys 5 more in each of 3 weeks. How many books does she have?"
    assert not seen.unlike(question(fresh))


def test_another_kind_of_question_is_told() -> None:
    seen = Seen.learn([question(text) for text in STORIES])
    assert seen.unlike(Question(STORIES[0] + "\nA. 1\nB. 2\n", "choice", "en", "bracketed"))


def test_a_question_without_words_is_like_those_without_words() -> None:
    seen = Seen.learn([question(f"{n} + {n} =") for n in range(30)])
    assert not seen.unlike(question("91 + 17 ="))
