"""Explain each reason code: what was found, why it hurts a training, and how to mend it."""

from __future__ import annotations

from typing import NamedTuple


class Explanation(NamedTuple):
    """Three short texts about one code: what was found, why it matters to a training, and what to do about it."""

    what: str
    why: str
    mend: str


_DROP = "Leave the record out with `datacheck rebuild SOURCE TARGET --drop-bad`, or write it again from its original."
_LOOK = "Look at one with `datacheck show SOURCE KEY`."

EXPLANATIONS: dict[str, Explanation] = {
    "truncated-store": Explanation(
        "The files of the store end before the store does: a copy or download that stopped, or a full disk.",
        "The records in the missing part are gone. A loader dies of SIGBUS, or trains on what is left without a word.",
        "Copy the store again and compare sizes. If the original is gone, `datacheck rebuild SOURCE TARGET --drop-bad`"
        " saves every record that can still be read.",
    ),
    "damaged-store": Explanation(
        "A page, block, table or header of the store is not what its format demands.",
        "Readers crash, return other bytes than were written, or end early: records are lost without an error.",
        "Fetch the store again. If that is not possible, `datacheck rebuild SOURCE TARGET --drop-bad` writes a sound"
        " store of everything that can still be read. Check the disk too.",
    ),
    "checksum": Explanation(
        "A checksum that the store or the payload keeps does not match the bytes beside it.",
        "Bits have changed since they were written. Most readers do not check, and train on the changed values.",
        f"{_DROP} Many of these at once point to a failing disk, memory or transfer.",
    ),
    "unreadable": Explanation(
        "The store's library, or the system, could not return this record.",
        "A loader stops here with an exception, often hours into a training, or skips the record without a word.",
        "If the disk or network failed, scan again when it works. Otherwise leave the record out with"
        " `datacheck rebuild SOURCE TARGET --drop-bad`.",
    ),
    "crash": Explanation(
        "Reading or decoding this record killed the process that did it.",
        "It kills a loader's worker too, and the training with it, or leaves it waiting for ever.",
        f"{_DROP} Do not open it with the library that crashed.",
    ),
    "timeout": Explanation(
        "Decoding this record alone took more processor time than --timeout allows.",
        "One such record stalls a whole batch, and every epoch again.",
        f"If the record is meant to be that slow, allow more with `--timeout SECONDS`. {_DROP}",
    ),
    "too-large": Explanation(
        "The record declares a size that its bytes cannot have, or that needs more memory than datacheck allows.",
        "A loader that believes the declared size runs out of memory.",
        f"{_LOOK} A declared size that contradicts the bytes is damage: write the record again, or drop it.",
    ),
    "empty": Explanation(
        "The value has zero bytes, or an HDF5 row has no value.",
        "A decoder fails on it, or returns nothing, which then counts as a sample.",
        f"Often a download or an encoder failed. {_DROP} If empty is meant, `--ignore empty` lets them not count.",
    ),
    "undecodable": Explanation(
        "The bytes are not a valid payload of the kind that the rest of the store holds.",
        "A loader raises here, or reads noise as if it were data.",
        f"{_LOOK} {_DROP} If the kind was guessed wrong, name it with `--decoder`.",
    ),
    "truncated": Explanation(
        "The payload ends early: the end of the picture, array or message is missing.",
        "Many decoders fill the missing part with grey or zeros and say nothing, so the network learns the filling.",
        f"{_DROP} Look for a writer that was killed or a disk that was full.",
    ),
    "corrupt-image": Explanation(
        "A strict decoder objects to the compressed data of this picture.",
        "Tolerant decoders return a picture with shifted colours or smeared blocks, with the label of a sound one.",
        f"{_LOOK} {_DROP}",
    ),
    "size-mismatch": Explanation(
        "There are more or fewer bytes than the declared shape and type need.",
        "Readers fail, or read past the end and take whatever lies there; the rows after it may be shifted.",
        f"Mend the shape in the writer, or check for a text-mode transfer. {_DROP}",
    ),
    "nan": Explanation(
        "Some values are NaN: not a number.",
        "One NaN makes the loss NaN, and after one update every weight too. The training is lost from there on.",
        "Find the division or logarithm that made it. `datacheck rebuild SOURCE TARGET --drop-bad` leaves these records"
        " out, `--fill 0` replaces the values. Where NaN means missing: `--allow-nan FIELD`.",
    ),
    "inf": Explanation(
        "Some values are infinite.",
        "Infinity becomes NaN in the first normalisation or subtraction, and then the weights are lost.",
        "Look for an overflow or a division by zero in the writer. `datacheck rebuild SOURCE TARGET --drop-bad` leaves"
        " these records out, `--fill 0` replaces the values.",
    ),
    "out-of-range": Explanation(
        "Values lie outside the bounds that were given with --range.",
        "Values far out dominate the gradients; values in 0 to 255 among 0 to 1 mean that a scaling was forgotten.",
        f"Scale these records as the others, or correct --range. {_DROP}",
    ),
    "shape": Explanation(
        "The array does not have the shape that was asked for, or that the other records have. It is suspicious where"
        " a sample of the store is not enough to be sure of that shape.",
        "Stacking a batch fails, or a reshape mixes rows, channels and samples without an error.",
        f"Write the record again in the common shape. {_DROP}",
    ),
    "label": Explanation(
        "The label is absent, not finite, or outside the classes that --labels allows.",
        "A label outside the classes reads memory beyond the scores (Caffe, CUDA) or aborts; a label off by one"
        " trains the wrong class.",
        f"Check whether labels begin at 0 or at 1, and how many classes there are. {_DROP} If datacheck found no label"
        " in the records, `--label-field NAME` names the field that holds it.",
    ),
    "row-count": Explanation(
        "HDF5 datasets that belong together have different numbers of rows.",
        "From the first missing row on, data and labels no longer match, or the loader stops at the shorter one."
        " It is suspicious where only their names say that they belong together, as pictures and captions do.",
        "Find the dataset that was not written to its end, and write it again. `--together A,B` says which belong"
        " together: a difference is then bad. If they are meant to differ, `--ignore row-count` ignores it.",
    ),
    "count": Explanation(
        "A count that the store keeps about its records is not the number of records there. It is suspicious where the"
        " number may count something else, such as the frames of a clip or the samples of all files of a set.",
        "A loader that trusts the count asks for records that do not exist, or never sees the last ones.",
        "`datacheck rebuild SOURCE TARGET --drop-bad` writes a copy in which the count is true. If it counts something"
        " else, `--ignore count` ignores it.",
    ),
    "dangling": Explanation(
        "A list, index or numbering in the store or a record names a record, row, category or node that is not"
        " there. It is suspicious where the numbers may mean something else.",
        "The loader raises when it comes to it: in a shuffled epoch at a time that nobody can predict.",
        "Write the record that is missing, or have `datacheck rebuild SOURCE TARGET --drop-bad` write a copy whose"
        " lists and numbers are true.",
    ),
    "unpaired": Explanation(
        "A sample lacks one of the parts that the other samples have, such as the label of a picture. It is suspicious"
        " where some samples may do without that part, as without a mask or a caption, and where there may be two sets"
        " that are numbered alike, such as cats and dogs.",
        "The loader raises, or pairs a picture with the label of another one.",
        "Write the missing part, or leave the whole sample out with `datacheck rebuild SOURCE TARGET --drop-bad`.",
    ),
    "no-records": Explanation(
        "There is nothing in the source to train on.",
        "A training on nothing ends at once, or waits for ever for its first batch.",
        "Check the path, the name of the database inside the store, and whether the writer committed.",
    ),
    "changed": Explanation(
        "The value differs from the one whose checksum was recorded: it was written again, or a bit flipped.",
        "No check of the content can find a flipped pixel, and the network learns from it.",
        "Restore the record from a copy whose checksums match, or record new ones with `datacheck checksum --force`.",
    ),
    "lost": Explanation(
        "A record whose checksum was recorded is no longer in the store.",
        "The training has fewer records than before, and a sample may lack one of its parts.",
        "Restore the record from a copy, or record the checksums again if it was removed on purpose.",
    ),
    "missing": Explanation(
        "A file, database or dataset that is named somewhere is not there.",
        "The loader stops when it comes to the name; shuffled, that may be long after the start.",
        "Put the file where its name says, or correct the name. Relative names are resolved from the working folder.",
    ),
    "mean": Explanation(
        "The mean file or the mean values do not fit the data, or are not finite.",
        "The mean is subtracted from every input: a NaN in it makes all inputs NaN, a wrong shape aborts.",
        "Compute the mean again from the clean data (`compute_image_mean`), in the shape of the input.",
    ),
    "layer": Explanation(
        "Caffe would not set up this layer, or would set it up as something else than is meant.",
        "The training aborts when the network is built, or trains another network than the file seems to say.",
        "Correct the parameter that the message names. Shapes of the layers below are in the message.",
    ),
    "malformed-prototxt": Explanation(
        "The file is not valid prototxt.",
        "Caffe aborts when it reads it.",
        "Mend the line that is named: mostly a bracket, a quote or a colon.",
    ),
    "unknown-field": Explanation(
        "The file has a field that Caffe does not know.",
        "Caffe aborts on it; forks of Caffe that know the field do not, so it may work on one machine only.",
        "Correct the spelling, or move the field into the message that has it.",
    ),
    "solver": Explanation(
        "A setting of the solver with which it aborts, does nothing, or diverges.",
        "Hours are spent on a run that cannot learn.",
        "Set the field that is named to a value that does what you mean.",
    ),
    "learning-rate": Explanation(
        "The learning rate is, or becomes, NaN, infinite, negative or zero.",
        "NaN and infinity destroy the weights in one step, negative rates climb, and with zero nothing is learnt.",
        "Check base_lr, gamma, power, stepsize and max_iter together: the message says at which iteration it happens.",
    ),
    "empty-window": Explanation(
        "Some pooling windows begin behind the end of the input.",
        "They average or maximise over nothing: NaN, or -FLT_MAX, in the forward pass.",
        "Set round_mode: FLOOR, or a stride of at most the kernel.",
    ),
    "normalisation": Explanation(
        "A normalisation divides by zero, or uses statistics that are not there.",
        "Its outputs are NaN or infinite, whatever the data.",
        "Give it an eps above zero, or weights that hold the statistics.",
    ),
    "loss": Explanation(
        "The loss is, or becomes, NaN or infinite for some inputs that are possible.",
        "One such batch makes all weights NaN.",
        "Use the fused form of the loss (SoftmaxWithLoss, SigmoidCrossEntropyLoss), or keep its inputs away from 0.",
    ),
    "math-domain": Explanation(
        "A layer takes a logarithm, root or power of values for which there is none.",
        "Its outputs are NaN or infinite as soon as such a value comes.",
        "Add a shift, a ReLU or a small constant so that the values stay where the function is defined.",
    ),
    "weights": Explanation(
        "The initial weights are not finite, or Caffe refuses to make them.",
        "The first forward pass is NaN, or the training aborts before it.",
        "Check the filler and its parameters, and the weights file that is given.",
    ),
    "list-line": Explanation(
        "Caffe reads a line of the list as something else than it seems to say.",
        "A picture gets another label or is not found; the rest of the list may be shifted.",
        "Write each line as `path label`, without spaces in the path, tabs or empty lines.",
    ),
    "missing-filter": Explanation(
        "The data is compressed with an HDF5 filter that is not installed here.",
        "datacheck could not read it, so it could not judge it. On a machine without the filter the training fails.",
        "Install the package that the message names, mostly `pip install 'datacheck-ml[hdf5plugin]'`, and scan again.",
    ),
    "unknown-payload": Explanation(
        "No decoder knows these bytes.",
        "They may be sound: datacheck could not decide, so the store is not called clean.",
        "Say what they are: `--decoder NAME`, `--array DTYPE:SHAPE` for arrays without a header, or"
        " `--ignore unknown-payload` if they are not trained on.",
    ),
    "unsupported": Explanation(
        "A part of the store that datacheck does not read or follow.",
        "What lies there was not judged, so the store is not called clean.",
        "Check that part by other means; `--ignore unsupported` ignores it.",
    ),
    "source-changed": Explanation(
        "The source was changed while it was read.",
        "What was found may be half of the old and half of the new. Nothing is called bad for that.",
        "Scan again when nobody writes to it.",
    ),
    "internal-error": Explanation(
        "datacheck itself failed here.",
        "It says nothing of the data: the record was not judged.",
        "Please report it, with the message.",
    ),
    "not-closed": Explanation(
        "The writer of the store still has it open, or ended without closing it.",
        "The last records may be missing, and libraries may refuse to open it.",
        "Wait for the writer to end. If it died, compare the number of records with what it should have written.",
    ),
    "wrong-format": Explanation(
        "The record can be read, but is stored differently from its neighbours: a PNG among JPEGs, CMYK, 16 bit, grey.",
        "Loaders convert it in their own way: inverted colours, values cut to 8 bits, another number of channels.",
        f"{_LOOK} Convert it as the others are, or drop it with `--drop wrong-format`.",
    ),
    "odd-text": Explanation(
        "A text has a byte order mark, a carriage return or a control byte, or is the printed form of bytes (b'...'),"
        " of an object ([object Object]) or of an array without most of its numbers. Or every key of the store is the"
        " printed form of bytes or ends with a NUL, or some of them do.",
        "The tokenizer or the label lookup sees other characters than a person does, and a loader finds no such key.",
        "Strip these characters where the text or the key is written.",
    ),
    "axis-order": Explanation(
        "The array seems to be height, width, channels where channels, height, width is meant.",
        "Convolutions then slide over the wrong axes. It trains, badly, and nothing fails.",
        "Transpose when writing, or tell the loader the order.",
    ),
    "constant": Explanation(
        "Every value of the record is the same.",
        "There is nothing to learn from it, and normalising by its deviation divides by zero.",
        f"{_LOOK} Blank pictures are often failed decodes or covers; drop them with `--drop constant`.",
    ),
    "half-overflow": Explanation(
        "The values are finite, but larger than float16 can hold. If most records have such values, this is said once.",
        "In mixed precision they become infinite, and the loss NaN.",
        "Scale the data, or train these inputs in float32 or bfloat16.",
    ),
    "trailing-data": Explanation(
        "There are bytes after the end of the payload.",
        "Most readers ignore them, but they show a writer that reuses buffers or joins files.",
        f"{_LOOK} If the record itself is right, it can be kept.",
    ),
    "unwritten": Explanation(
        "HDF5 rows that were never written: they read as the fill value, mostly zeros.",
        "The network trains on zeros with some label.",
        "Cut the dataset to the rows that were written, or find out why the writer stopped.",
    ),
    "gap": Explanation(
        "Numbers are missing where the others follow each other: frames of a sequence, or files such as episode_7.h5.",
        "A loader that counts through them fails there, or takes two frames for neighbours that are not.",
        "Write the missing frames again, or cut the sequence in two at the gap. If the frames were left out on purpose,"
        " `--ignore gap` ignores it.",
    ),
    "fields": Explanation(
        "The record lacks a field that nearly all others have, has it with another type, or has None among its numbers."
        " In a folder of HDF5 files: a dataset has whole numbers in one file and fractions in the others, or the other"
        " way round.",
        "A loader raises a KeyError when it comes to it, or collates the wrong thing.",
        f"{_LOOK} Write the field, or drop these records with `--drop fields`.",
    ),
    "unsafe-pickle": Explanation(
        "Unpickling this record would reach code that can run commands or open files.",
        "Whoever loads the dataset runs whatever its author put there. datacheck never unpickles.",
        "Do not load it. Ask where it comes from; store arrays as npy, npz or safetensors.",
    ),
    "orphan": Explanation(
        "A record or page that nothing in the store leads to: an old version, or one that was deleted.",
        "Loaders do not see it. If it should be there, a commit was lost.",
        "Compare the number of records with what was written. A rebuild does not copy it.",
    ),
    "stale": Explanation(
        "A newer write of this key may have been lost, so that an older value is read.",
        "The training uses outdated data or labels.",
        "Compare the record with its original, or write the store again.",
    ),
    "duplicate": Explanation(
        "An earlier record of the same store has the same value, or with --near the same looks.",
        "It counts twice in every epoch; in a random split, one of the two may end up in the validation set.",
        "Leave the later one out: `datacheck rebuild SOURCE TARGET --drop duplicate --from-report REPORT`.",
    ),
    "leak": Explanation(
        "Another store of the comparison has a record with the same value, or with --near the same looks.",
        "A network that is tested on its training data looks better than it is.",
        "Leave it out of one of the two: `datacheck rebuild SOURCE TARGET --drop leak --from-report REPORT`.",
    ),
    "drift": Explanation(
        "The shares of labels, the values or the sizes of pictures differ by more than chance.",
        "Results measured on one store do not hold for the other.",
        "Check how the two were split and written: same classes, same scale of values, same picture sizes.",
    ),
    "class-missing": Explanation(
        "A class between the least and the greatest label never occurs.",
        "The network has an output that is never right; or the labels are numbered differently than you think.",
        "Check the list of classes and the split.",
    ),
    "sorted": Explanation(
        "The records come sorted by label.",
        "A loader that reads in order, as Caffe's does, shows one class after the other, and the network forgets.",
        "Shuffle when writing (`convert_imageset --shuffle`), or use a loader that shuffles.",
    ),
    "exploding": Explanation(
        "The loss or its gradients grow from step to step until they are infinite or NaN, or stay far above the start.",
        "From then on the weights are lost. The snapshots before it may be too.",
        "Lower base_lr, clip gradients (clip_gradients), warm up, and check the scale of the inputs.",
    ),
    "sudden-nan": Explanation(
        "The loss became NaN or infinite from one display to the next, without having grown.",
        "This is what one bad record does, or a loss with a logarithm of zero.",
        "Scan the data of this run: `datacheck scan --net NET`. Then look at the loss layer.",
    ),
    "saturated": Explanation(
        "The softmax gives only 0 and 1, and is wrong.",
        "The gradient is cut off where the probability is 0: the network does not recover.",
        "Lower base_lr, and check the scale of the inputs and the range of the labels.",
    ),
    "dead-network": Explanation(
        "The loss stays at what guessing costs.",
        "The network gives the same answer whatever it sees: nothing is learnt.",
        "Check base_lr, dead ReLUs, the initial weights, frozen layers, and that the labels belong to the pictures.",
    ),
    "layer-nan": Explanation(
        "This layer is the first in which debug_info shows NaN or infinity.",
        "Everything after it is NaN too; the cause lies in this layer or in its input.",
        "If it is a data layer, scan its source. Otherwise look at its parameters and at the learning rate.",
    ),
    "aborted": Explanation(
        "The run died of a failed check, an exception or a signal.",
        "Everything after the last snapshot is lost.",
        "The message names the check that failed and what it means.",
    ),
    "no-iterations": Explanation(
        "The run ended without a single iteration.",
        "Nothing was trained.",
        "Look at the last lines of the log: the network was not built, or the data could not be opened.",
    ),
    "clipping": Explanation(
        "The gradients are clipped at every step.",
        "The limit then decides the length of each step, and the learning rate does not mean what it says.",
        "Raise clip_gradients, or lower base_lr.",
    ),
    "test-loss": Explanation(
        "The test loss stays far above the training loss, test after test.",
        "The network has learnt its training set by heart, or the test data are prepared in another way.",
        "Compare mean, scale, crop and labels of the TRAIN and TEST layers first. If they agree, use more data,"
        " augmentation, weight decay or dropout, or stop earlier.",
    ),
}
"""The explanation of each code in CODES. The texts are plain text with commands in backquotes."""
