"""Wrong answers to the ten statements, each from a misconception or a mistake of form."""

from autograder.samples import provides


@provides("CLAIMS")
def everything_true():
    """All statements are taken for true; plausible sentences deserve doubt one by one."""
    return {letter: True for letter in "abcdefghij"}


@provides("CLAIMS")
def everything_false():
    """All statements are taken for false; some of them say just what the chapter shows."""
    return dict.fromkeys("abcdefghij", False)


@provides("CLAIMS")
def everything_negated():
    """Each answer is turned round, as if the false statements had to be marked."""
    return {letter: letter in "adfgi" for letter in "abcdefghij"}


@provides("CLAIMS")
def deeper_is_always_better():
    """Depth is no promise: more layers can be harder to train and can overfit."""
    return {letter: letter in "abcehj" for letter in "abcdefghij"}


@provides("CLAIMS")
def perceptron_weights_set_by_hand():
    """The neuron of McCulloch and Pitts had fixed weights; learning them was Rosenblatt's step."""
    return {letter: letter in "behj" for letter in "abcdefghij"}


@provides("CLAIMS")
def batch_norm_only_normalises():
    """After normalising, batch norm scales and shifts each feature, by numbers that are learned."""
    return {letter: letter in "bcdehj" for letter in "abcdefghij"}


@provides("CLAIMS")
def dropout_also_at_prediction():
    """Dropout is for training; for predictions in evaluation mode the whole network takes part."""
    return {letter: letter in "bchj" for letter in "abcdefghij"}


@provides("CLAIMS")
def alexnet_first_with_backprop():
    """Networks were trained with backpropagation decades before AlexNet won its competition."""
    return {letter: letter in "bceghj" for letter in "abcdefghij"}


@provides("CLAIMS")
def adam_needs_no_tuning_and_batches_no_noise():
    """Adam too has a learning rate worth tuning, and the mean of few samples varies more than that
    of many.
    """
    return {letter: letter in "bcehi" for letter in "abcdefghij"}


@provides("CLAIMS")
def five_right_of_ten():
    """The history is right, but what layers, norms, dropout and batches do in training is not."""
    return {letter: letter in "abcdhi" for letter in "abcdefghij"}


@provides("CLAIMS")
def order_shifted_by_one():
    """The answers slipped by one line: each stands beside the statement before its own."""
    return dict(zip("abcdefghij", [letter in "bcehj" for letter in "bcdefghija"]))


@provides("CLAIMS")
def only_the_true_ones():
    """A statement that is false also needs its entry: every key from a to j has an answer."""
    return {letter: True for letter in "bcehj"}


@provides("CLAIMS")
def last_one_left_out():
    """One statement has no answer; an empty place counts as a wrong one."""
    return {letter: letter in "bcehj" for letter in "abcdefghi"}


@provides("CLAIMS")
def words_instead_of_values():
    """False in quotes is a text, and Python takes any text but the empty one for true."""
    return {letter: str(letter in "bcehj") for letter in "abcdefghij"}


@provides("CLAIMS")
def capital_keys():
    """The keys are small letters; to a dictionary "A" and "a" are different."""
    return {letter: letter in "BCEHJ" for letter in "ABCDEFGHIJ"}


@provides("CLAIMS")
def list_of_answers():
    """A list has positions, not keys: the answers belong in a dictionary."""
    return [letter in "bcehj" for letter in "abcdefghij"]


# hard to catch
@provides("CLAIMS")
def hidden_layer_cannot_do_xor():
    """The 1969 result is about a single layer of weights; a hidden layer is what makes XOR easy."""
    return {letter: letter in "bcefhj" for letter in "abcdefghij"}


# hard to catch
@provides("CLAIMS")
def none_for_false():
    """None means that there is no answer; a statement that does not hold is False."""
    return {letter: True if letter in "bcehj" else None for letter in "abcdefghij"}


# hard to catch
@provides("CLAIMS")
def one_word_among_the_values():
    """One answer stands in quotes: a text, and neither True nor False."""
    answers = {letter: letter in "bcehj" for letter in "abcdefghij"}
    answers["h"] = "True"
    return answers
