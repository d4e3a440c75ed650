package dev.narrow.quant.files;

import dev.narrow.formats.NumericFormat;
import dev.narrow.quant.Hadamard;
import dev.narrow.quant.Scales;
import dev.narrow.quant.Shape;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;

/**
 * A quantized tensor of which a file has codes and scales as tensors of their own.
 *
 * @param info the tensor as a whole: its bytes are those of all parts
 * @param shape the same as that of the info
 * @param format of the codes
 * @param codes name of their tensor in the file
 * @param parts names of the others
 * @param rotation of the values that the codes stand for, if they were rotated
 * @param scales reads the scales from the file, where they are known to be in the sizes that the
 *     shape asks for; throws IllegalArgumentException where they are no scales
 */
record StoredTensor(
    TensorInfo info,
    Shape shape,
    NumericFormat format,
    String codes,
    List<String> parts,
    Optional<Hadamard> rotation,
    Function<TensorFile, Scales> scales) {}
