/** JMH suites: each states the bytes and operations it is charged for. */
@NullMarked
package dev.narrow.bench;

import org.jspecify.annotations.NullMarked;
